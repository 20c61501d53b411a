"""The specification's sentences in the web editor: every one accepted, every mistake explained as by `carpe check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_language_examples import LANGUAGE, check_beside, paragraphs, pytestmark  # noqa: F401  (its reason to skip)
from web_world import World, open_world, token_of

NAME = "a.rules"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = {f"messages/{path.name}": path.read_text() for path in (LANGUAGE / "messages").iterdir()}
    files |= {"catalog.yaml": (LANGUAGE / "catalog.yaml").read_text(), NAME: "# nothing yet\n"}
    with open_world(tmp_path_factory.mktemp("specification"), files) as opened:
        yield opened


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return token_of(world.visitor("ada").see("/rules").text)


def told(world: World, token: str, text: str) -> list[tuple[object, ...]]:
    """(severity, line, column, message, hint) of each finding that checking as one types tells of the file."""
    answer = world.visitor("ada").client.post(f"/check/{NAME}", data={"csrf_token": token, "text": text})
    assert answer.status_code == 200
    names = ("severity", "line", "column", "message", "hint")
    return sorted(tuple(each[name] for name in names) for each in answer.json["diagnostics"] if each["file"] == NAME)


def test_every_sentence_is_accepted(world: World, token: str) -> None:
    found = told(world, token, (LANGUAGE / "accept.rules").read_text())
    assert [each for each in found if each[0] == "error"] == []


@pytest.mark.parametrize("rules", [rules for rules, _ in paragraphs()], ids=lambda rules: rules[:40])
def test_a_mistake_is_told_as_on_the_command_line(world: World, token: str, rules: str) -> None:
    expected = [each.to_json() for each in check_beside(rules).diagnostics if each.source.path == NAME]
    names = ("severity", "line", "column", "message", "hint")
    found = told(world, token, rules)
    assert expected
    assert {tuple(each[name] for name in names) for each in expected} <= set(found)
    assert Path(world.folder / NAME).read_text() == "# nothing yet\n"
