"""Variants of a message: which one fits, what it leaves to the message, and what is no variant."""

from __future__ import annotations

import pytest

from dsl.messages import Message, read_message, render
from dsl.service import check
from dsl.source import Source
from tests import world

TEXT = """---
subject: "Hello {{ first_name }}"
variants:
  in_app: {body: "short"}
  de: {subject: "Hallo {{ first_name }}", body: "deutsch"}
  de-at: {body: "servus"}
  in_app de: {body: "kurz"}
---
plain
"""


@pytest.fixture(scope="module")
def message() -> Message:
    found, problems = read_message(Source("messages/hello.txt", TEXT))
    assert problems == ()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("channel", "locale", "subject", "body"),
    [
        (None, None, "Hello Ada", "plain"),
        ("email", "en-US", "Hello Ada", "plain"),
        ("in_app", None, "Hello Ada", "short"),
        ("in_app", "fr", "Hello Ada", "short"),
        ("email", "de", "Hallo Ada", "deutsch"),
        ("email", "de_DE", "Hallo Ada", "deutsch"),
        ("email", "DE-at", "Hello Ada", "servus"),
        ("in_app", "de-CH", "Hello Ada", "kurz"),
        ("in_app", "de-AT", "Hello Ada", "servus"),
        ("email", "den", "Hello Ada", "plain"),
    ],
)
def test_the_most_particular_variant_that_fits_is_taken(
    message: Message, channel: str | None, locale: str | None, subject: str, body: str
) -> None:
    rendered = render(message, {"first_name": "Ada"}, channel=channel, locale=locale)
    assert (rendered.subject, rendered.body) == (subject, body)


def test_variables_of_variants_are_known_and_unknown_ones_told() -> None:
    text = "---\nvariants: {de: {body: 'Hallo {{ frist_name }}'}}\n---\nHello"
    found = check({"catalog.yaml": world.CATALOG, "messages/hello.txt": text}).diagnostics
    assert [(each.code, each.source.slice(each.span)) for each in found] == [("unknown-variable", "frist_name")]


def test_a_variant_for_neither_channel_nor_language_is_told_at_its_word() -> None:
    text = "---\nvariants: {email letterbox: {body: Hello}, sms: {body: Hi}}\n---\nHello"
    found = check({"catalog.yaml": world.CATALOG, "messages/hello.txt": text}).diagnostics
    assert [(each.code, each.source.slice(each.span)) for each in found] == [("unknown-variant", "letterbox")]
    assert "email, in_app" in str(found[0].hint)
