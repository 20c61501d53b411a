"""Every code that a diagnostic may have has a help page, and the page's examples are what they say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsl.codes.pages import Example, Page, pages
from dsl.diagnostics import Diagnostic
from dsl.misplaced_words import _FOLLOWS
from dsl.service import check, lint

DSL = Path(__file__).parents[1] / "dsl"
MAKERS = {"_error", "_warning", "_info", "_unknown", "Finding", "Diagnostic"}


def constants(node: ast.expr) -> Iterator[str]:
    """The codes that an expression may be: a string, or those of a table that it looks into."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def in_file(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS and node.args:
            yield from constants(node.args[0])
        tables = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(each, ast.Name) and each.id == "_UNKNOWN" for each in tables):
            yield from (value.value for value in node.value.values)  # type: ignore[attr-defined]


def codes() -> set[str]:
    """Every code, found where diagnostics are made; what is missing after a word has the word's own ending."""
    found = {code for path in DSL.rglob("*.py") for code in in_file(path)}
    return found | {f"missing-{ending}" for _, _, _, ending, _ in _FOLLOWS} | {"missing-currency", "missing-time"}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert codes() - set(pages()) == set(), "write these in dsl/codes/*.md"
    assert set(pages()) - codes() == set(), "nobody says these any more"


def found(page: Page, example: Example) -> list[Diagnostic]:
    """What `carpe check` says of an example; of those of the analysis, what `carpe lint` says."""
    checked = check(example.files())
    if "carpe lint" not in page.subject or checked.ruleset is None:
        return list(checked.diagnostics)
    return [*checked.diagnostics, *lint(checked.ruleset)]


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.code)
def test_the_wrong_example_is_wrong_in_this_way_only(page: Page) -> None:
    """A broken segment or message comes with its own error."""
    codes = {one.code for one in found(page, page.wrong)}
    cause = codes - {page.code} if page.code.startswith("broken-") else set()
    assert codes - cause == {page.code}


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.code)
def test_the_right_example_is_right(page: Page) -> None:
    diagnostics = found(page, page.right)
    assert not any(one.is_error for one in diagnostics), "\n".join(one.render() for one in diagnostics)
    assert page.code not in {one.code for one in diagnostics}


@pytest.mark.parametrize("page", pages().values(), ids=lambda page: page.code)
def test_a_page_is_a_sentence_and_two_short_examples(page: Page) -> None:
    assert page.meaning.endswith(".")
    for example in (page.wrong, page.right):
        assert example.shown
        assert all(0 < len(text) < 600 for text in example.shown.values())
