"""The editor's questions about the cursor: proposals, meanings, and what stays outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_world import VISITS, World, open_world

HALF = "# 🎉\non website_visit where pa"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def test_what_may_come_is_proposed(world: World) -> None:
    asked = {"text": HALF.replace("\n", "\r\n"), "at": str(len(HALF))}
    answer = world.visitor("ada").send("/complete/visits.rules", asked)
    (first, *_) = answer.json["completions"]
    assert (first["label"], first["kind"]) == ("page", "property")
    assert HALF[first["start"] : first["end"]] == "pa"
    assert world.read("visits.rules") == VISITS


def test_a_word_says_what_it_means(world: World) -> None:
    answer = world.visitor("ada").send(
        "/hover/visits.rules", {"text": VISITS, "at": str(VISITS.index("website_visit"))}
    )
    assert answer.json["lines"][0] == "moment website_visit: an event of a customer"
    assert world.visitor("ada").send("/hover/visits.rules", {"text": VISITS, "at": "999999"}).json == {"lines": []}


@pytest.mark.parametrize("path", ["/complete/../carpe.db", "/complete/notes.txt", "/hover/notes.txt"])
def test_only_files_of_the_ruleset_are_asked_about(world: World, path: str) -> None:
    assert world.visitor("ada").send(path, {"text": "", "at": "0"}).status_code == 404


def test_strangers_learn_nothing(world: World) -> None:
    assert world.visitor().send("/complete/visits.rules", {"text": "on ", "at": "3"}).status_code in (302, 401)


def test_the_page_has_what_the_script_needs(world: World) -> None:
    page = world.visitor("ada").see("/files/visits.rules").text
    for needed in (
        'data-complete="/complete/visits.rules"',
        'data-hover="/hover/visits.rules"',
        'id="proposals"',
        'id="word"',
    ):
        assert needed in page
