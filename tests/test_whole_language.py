"""A small ruleset that says nearly everything the language can, with its tests; also of what no pass runs yet."""

from __future__ import annotations

import re
from pathlib import Path

from language import CATALOG

from dsl.formatter import format_source
from dsl.service import Checked, check
from dsl.source import Source
from dsl.words import ACTIONS, CLAUSES, RESERVED
from engine.simulation.coverage import coverage
from engine.simulation.rule_tests import run_tests

FOLDER = Path(__file__).parent / "golden" / "whole_language"
FILES = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.iterdir())}


def checked() -> Checked:
    return check({"catalog.yaml": CATALOG, **FILES})


def test_it_checks_without_a_warning() -> None:
    assert [one.render() for one in checked().diagnostics if one.severity != "info"] == []


def test_it_uses_every_word() -> None:
    text = re.sub(r'#.*|"[^"]*"', "", "\n".join(FILES.values())).lower()
    words = {*RESERVED, *ACTIONS, *(clause.split()[0] for clause in CLAUSES.values())}
    assert sorted(word for word in words if not re.search(rf"\b{word}\b", text)) == []


def test_its_tests_pass_and_see_every_clause() -> None:
    ruleset, tests = checked().ruleset, checked().tests
    assert ruleset is not None
    results = run_tests(ruleset, tests)
    assert [result.test.title for result in results if not result.passed] == []
    covered = coverage(ruleset.rules, results)
    assert covered.seen == covered.possible


def test_it_is_laid_out_as_the_formatter_does() -> None:
    assert {name: format_source(Source(name, text)) for name, text in FILES.items()} == FILES
