"""The colours of rules in editors: made from the grammar, every word of the language among them."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dsl.words import RESERVED, SPELLINGS

FOLDER = Path(__file__).parents[1] / "frontend" / "vscode"
GRAMMAR = json.loads((FOLDER / "carpe.tmLanguage.json").read_text("utf-8"))
WORDS = sorted(RESERVED | {written for written in SPELLINGS.values() if written[0].isalpha()})


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_grammar", FOLDER / "make_grammar.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scopes(text: str) -> set[str]:
    """What the patterns for plain text would colour the beginning of a text as."""
    named: list[dict[str, Any]] = [each for each in GRAMMAR["patterns"] if "match" in each and "name" in each]
    return {each["name"] for each in named if re.match(each["match"], text)}


def test_the_grammar_is_the_one_that_is_made_now() -> None:
    """Otherwise: .venv/bin/python frontend/vscode/make_grammar.py"""
    assert generator().written() == (FOLDER / "carpe.tmLanguage.json").read_text("utf-8")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_language_has_a_colour(word: str) -> None:
    text = f"{word} (" if word == "in" else word
    assert any(scope.startswith(("keyword", "constant.other.unit")) for scope in scopes(text)), word
    assert any(scope.startswith(("keyword", "constant.other.unit")) for scope in scopes(text.upper())), word


@pytest.mark.parametrize(
    "name", ["tenure", "onward", "order", "offers", "rules_of_thumb", "premium", "atlas", "testing"]
)
def test_names_have_none(name: str) -> None:
    assert scopes(name) == set()


@pytest.mark.parametrize("number", ["12", "1.5", "$29.99", "80%", "2026-11-27"])
def test_numbers_have_theirs(number: str) -> None:
    (pattern,) = [each for each in GRAMMAR["patterns"] if each.get("name") == "constant.numeric.carpe"]
    match = re.match(pattern["match"], number)
    assert match is not None
    assert match.group() == number


def test_the_package_names_files_that_are_there() -> None:
    package = json.loads((FOLDER / "package.json").read_text("utf-8"))
    contributed = package["contributes"]
    (language,), (colours,) = contributed["languages"], contributed["grammars"]
    for path in (package["main"], language["configuration"], colours["path"]):
        assert (FOLDER / path).is_file()
    assert colours["scopeName"] == GRAMMAR["scopeName"]
    assert colours["language"] == language["id"]
    assert contributed["configuration"]["properties"]["carpe.command"]["default"] == ["carpe", "lsp"]
    json.loads((FOLDER / "language-configuration.json").read_text("utf-8"))
