"""`carpe test`: the tests that stand beside the rules, run on made-up customers."""

from __future__ import annotations

import math
from pathlib import Path

import click

from engine.cli.context import json_option, print_json
from engine.cli.explaining import MARKS
from engine.config import Settings
from engine.rulebook import load, usable
from engine.simulation.coverage import Coverage, coverage
from engine.simulation.rule_tests import Result, run_tests


@click.command(epilog="Example: carpe test rules --coverage")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--coverage", "with_coverage", is_flag=True, help="Show which clauses no test has seen true or false.")
@click.option("-k", "words", metavar="WORDS", default="", help="Only tests whose title or file has these words.")
@json_option
@click.pass_context
def test(ctx: click.Context, folder: Path | None, with_coverage: bool, words: str, as_json: bool) -> None:
    """Run the tests of FOLDER (default: rules); exit 1 if any fails or cannot be read. Needs no database."""
    settings = Settings.from_environment(rules=folder)
    loaded = load(settings.rules)
    ruleset = usable(loaded, settings.rules)
    chosen = [each for each in loaded.tests if words.lower() in f"{each.title} {each.source.path}".lower()]
    results = run_tests(ruleset, chosen)
    covered = coverage(ruleset.rules, results) if with_coverage else None
    errors = len(loaded.errors)
    if as_json:
        told = {"tests": [each.to_json() for each in results], "errors": errors}
        print_json(told | ({"coverage": covered.to_json()} if covered else {}))
    else:
        click.echo(report(results, errors, covered))
    ctx.exit(1 if errors or not all(each.passed for each in results) else 0)


def report(results: tuple[Result, ...], errors: int, covered: Coverage | None) -> str:
    """Each failing test with its receipt, the coverage if it was asked for, and how many passed."""
    failed = [each for each in results if not each.passed]
    blocks = [_failing(each) for each in failed]
    if covered:
        blocks.append(_covered(covered))
    blocks.append(_summary(len(results) - len(failed), len(failed), errors))
    return "\n\n".join(blocks)


def _failing(result: Result) -> str:
    test = result.test
    lines = [f'FAILED "{test.title}" ({test.source.path}:{test.line})']
    if result.problem:
        lines.append(f"  {result.problem}")
    for failure in result.failures:
        lines += [f"  expected  {failure.expected}", f"  came      {failure.came}"]
    for receipt in result.receipts:
        lines.append(f"  {receipt.rule}: {MARKS[receipt.verdict]}")
        for clause in receipt.clauses:
            value = "" if clause.value is None else f"  ({clause.value})"
            lines.append(f"  {MARKS[clause.verdict]:>9}  {'  ' * clause.depth}{clause.text}{value}")
    return "\n".join(lines)


def _covered(covered: Coverage) -> str:
    lines = []
    rule = None
    for one in covered.clauses:
        if one.unseen:
            lines += [] if one.rule == rule else [f"{one.rule}"]
            rule = one.rule
            lines.append(f"  never {' or '.join(one.unseen)}: {one.text}")
    share = (
        f"Coverage: {math.floor(covered.percent)}%, {covered.seen} of {covered.possible} verdicts of clauses were seen."
    )
    return "\n".join([*lines, share])


def _summary(passed: int, failed: int, errors: int) -> str:
    told = f"{passed} test{'' if passed == 1 else 's'} passed, {failed} failed."
    return told if not errors else f"{told} {errors} error{'' if errors == 1 else 's'}; `carpe check` shows them."
