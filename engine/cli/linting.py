"""`carpe lint`: everything that the analysis finds in a folder of rules."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import click

from dsl import service
from dsl.diagnostics import Diagnostic
from dsl.statistics import Statistics
from dsl.typed import Ruleset
from engine.cli.context import json_option, opened, print_json
from engine.config import Settings
from engine.errors import CarpeError
from engine.rulebook import load
from engine.store.statistics import StoredStatistics


class SolverMissing(CarpeError):
    """The exact analysis needs the solver z3, which is not installed: run `pip install 'carpe[analysis]'`."""


@click.command(epilog="Example: carpe lint rules --exact")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--exact", is_flag=True, help="Ask a solver about what the quick analysis leaves open.")
@click.option("--database", metavar="URL", help="Tell how many customers have no value, from this database.")
@json_option
@click.pass_context
def lint(
    ctx: click.Context, folder: Path | None, strict: bool, exact: bool, database: str | None, as_json: bool
) -> None:
    """Check every rule of FOLDER (default: rules) and say what is right but probably not meant."""
    settings = Settings.from_environment(rules=folder, database=database)
    loaded = load(settings.rules)
    with ExitStack() as stack:
        statistics = StoredStatistics(stack.enter_context(opened(settings))) if database else None
        found = together(loaded.diagnostics, _analysed(loaded.ruleset, statistics, exact=exact))
    if as_json:
        print_json([each.to_json() for each in found])
    else:
        for each in found:
            click.echo(each.render() + "\n")
        click.echo(_summary(found))
    ctx.exit(1 if any(each.is_error or (strict and each.severity == "warning") for each in found) else 0)


def _analysed(ruleset: Ruleset | None, statistics: Statistics | None, *, exact: bool) -> tuple[Diagnostic, ...]:
    if ruleset is None:
        return ()
    found = service.lint(ruleset, statistics)
    return (*found, *_exactly(ruleset, found)) if exact else found


def _exactly(ruleset: Ruleset, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    if find_spec("z3") is None:
        raise SolverMissing
    from dsl.lint.exactly import examined

    return examined(ruleset, found)


def together(checked: tuple[Diagnostic, ...], analysed: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """All findings by file and place; what both say of one place is told in the analysis's words."""
    said = [(one.code, one.source.path, one.span) for one in analysed]
    kept = [
        one
        for one in checked
        if not any(
            code == one.code and path == one.source.path and span.start < one.span.end and one.span.start < span.end
            for code, path, span in said
        )
    ]
    return tuple(sorted((*kept, *analysed), key=lambda one: (one.source.path, one.span.start, one.span.end, one.code)))


def _summary(found: tuple[Diagnostic, ...]) -> str:
    counts = {severity: sum(each.severity == severity for each in found) for severity in ("error", "warning", "info")}
    return ", ".join(f"{number} {name}{'s' * (number != 1)}" for name, number in counts.items()) + "."
