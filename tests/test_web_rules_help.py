"""The pages of codes, the links to them, and the button Format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from web_world import World, open_world, token_of

from dsl.codes.pages import pages
from engine.rule_files import digest

UNTIDY = 'on birthday   where tenure>12 say "Hi"   # why\n'
TIDY = 'on birthday where tenure > 12 months say "Hi"  # why\n'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def test_every_code_is_listed_and_has_its_page(world: World) -> None:
    visitor = world.visitor("vera")
    index = visitor.see("/help/codes").text
    assert set(re.findall(r'href="/help/codes/([a-z-]+)"', index)) == set(pages())
    for code, page in pages().items():
        answer = visitor.see(f"/help/codes/{code}")
        assert answer.status_code == 200
        shown = unescape(answer.text)
        for example in (page.wrong, page.right):
            assert all(text.strip() in shown for text in example.shown.values())
    assert visitor.see("/help/codes/no-such-code").status_code == 404


def test_the_help_leads_to_the_codes(world: World) -> None:
    assert 'href="/help/codes"' in world.visitor("vera").see("/help").text


def test_a_finding_leads_to_its_page(world: World) -> None:
    visitor = world.visitor("ada")
    token = token_of(visitor.see("/files/visits.rules").text)
    form = {"csrf_token": token, "text": "on birthdy offer premium\n"}
    html = visitor.client.post("/check/visits.rules", data=form).get_json()["html"]
    assert 'href="/help/codes/unknown-moment"' in html


def posted(world: World, address: str, text: str, name: str = "ada") -> tuple[int, str]:
    visitor = world.visitor(name)
    token = token_of(visitor.see("/files/visits.rules").text)
    form = {"csrf_token": token, "text": text.replace("\n", "\r\n"), "digest": digest(world.read("visits.rules"))}
    answer = visitor.client.post(address, data=form)
    return answer.status_code, answer.text


def test_format_gives_the_text_and_saves_nothing(world: World) -> None:
    before = world.read("visits.rules")
    visitor = world.visitor("ada")
    page = visitor.see("/files/visits.rules").text
    form = {"csrf_token": token_of(page), "text": UNTIDY.replace("\n", "\r\n")}
    assert 'formaction="/format/visits.rules"' in page
    assert visitor.client.post("/format/visits.rules?json", data=form).get_json() == {"text": TIDY}
    assert world.read("visits.rules") == before


def test_format_without_a_script_shows_the_editor_with_the_text(world: World) -> None:
    status, html = posted(world, "/format/visits.rules", UNTIDY)
    assert status == 200
    assert unescape(html).count(TIDY) == 1
    assert 'data-dirty="yes"' in html


@pytest.mark.parametrize("path", ["catalog.yaml", "messages/premium_anniversary.txt", "../carpe.db", "Nope.rules"])
def test_only_files_of_rules_are_formatted(world: World, path: str) -> None:
    assert posted(world, f"/format/{path}", UNTIDY)[0] == 404
