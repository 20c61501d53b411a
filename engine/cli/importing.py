"""`carpe import`: customers, subscriptions and events from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from engine.cli.context import catalog_of, database_option, json_option, opened, print_json, rules_option
from engine.clock import utc_now
from engine.config import Settings
from engine.store.ingest.imports import Order, Report, run_import
from engine.store.ingest.mapping import read_mapping
from engine.store.ingest.targets import Subject

MOST_SHOWN = 8


@click.group("import")
def import_group() -> None:
    """Import customers, subscriptions and events from CSV, JSON lines or Parquet.

    Good rows land, bad ones go to a rejects file with row, column, value and reason. The same file again changes
    nothing. Exit code 0: every row landed; 1: some were refused; 2: nothing could be imported.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    file = click.Path(path_type=Path, dir_okay=False)
    for decorator in (
        json_option,
        click.option("--dry-run", is_flag=True, help="Check everything, write nothing to the database."),
        click.option(
            "--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]), help="Default: by the file's name."
        ),
        rules_option,
        database_option,
        click.option(
            "--rejects", type=file, metavar="FILE", help="Refused rows, as CSV. Default: FILE.rejects.csv here."
        ),
        click.option("--map", "mapping", type=file, metavar="MAP.yaml", help="Which column becomes which attribute."),
        click.argument("path", metavar="FILE", type=file),
    ):
        command = decorator(command)
    return command


@import_group.command("customers", epilog="Example: carpe import customers crm.csv --map crm.yaml")
@_options
def import_customers(**options: Any) -> None:
    """Import customers, one a row.

    Without --map, columns called like attributes are taken as they are: `id` (needed), `timezone`, `tags`, and what
    the catalog declares under `customer:`.
    """
    _import(Subject.CUSTOMERS, **options)


@import_group.command("subscriptions", epilog="Example: carpe import subscriptions billing.parquet --map billing.yaml")
@_options
def import_subscriptions(**options: Any) -> None:
    """Import subscriptions, one a row; their customers come first.

    Without --map, columns called like attributes are taken as they are: `id` and `customer` (needed), `currency`,
    `addons`, and what the catalog declares under `subscription:`.
    """
    _import(Subject.SUBSCRIPTIONS, **options)


@import_group.command("events", epilog="Example: carpe import events visits.jsonl --map visits.yaml")
@_options
def import_events(**options: Any) -> None:
    """Import events, one a row; their customers come first.

    Without --map, columns called like attributes are taken as they are: `id`, `moment`, `customer` and `occurred_at`
    (needed), `subscription`, `source`, and the moment's properties. An event that happened more than a day ago is
    history: it counts in conditions and makes no moment.
    """
    _import(Subject.EVENTS, **options)


def _import(
    subject: Subject,
    path: Path,
    mapping: Path | None,
    rejects: Path | None,
    form: str | None,
    dry_run: bool,
    database: str | None,
    rules: Path | None,
    as_json: bool,
) -> None:
    settings = Settings.from_environment(database=database, rules=rules)
    catalog = catalog_of(settings)
    mapped = read_mapping(mapping) if mapping else None
    order = Order(subject, path, mapped, form, rejects or Path(f"{path.name}.rejects.csv"), dry_run)
    with opened(settings) as store, _bar(as_json) as progress:
        report = run_import(store, catalog, order, utc_now(), progress)
    if as_json:
        print_json(report.to_json() | {"rejects": str(order.rejects) if report.refused else None, "dry_run": dry_run})
    else:
        _print(report, order)
    if report.refused:
        raise SystemExit(1)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """A progress bar on stderr, on a terminal only."""
    screen = Console(stderr=True)
    columns = (
        TextColumn("importing"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        task = bar.add_task("import", total=None, rows=0)
        yield lambda done, size, rows: bar.update(task, completed=done, total=size, rows=rows)


def _print(report: Report, order: Order) -> None:
    changes = report.changes
    would = "would be " if order.dry else ""
    counts = f"{changes.new:,} new, {changes.changed:,} changed, {changes.unchanged:,} unchanged"
    click.echo(f"{report.rows:,} rows of {order.path.name}: {would}{counts}, {report.refused:,} refused.")
    if report.subject is Subject.EVENTS and report.pending:
        click.echo(f"{report.pending:,} of the new events are fresh: the next run decides them.")
    if changes.zones_missing:
        click.echo(f"{changes.zones_missing:,} customers have no time zone: their country's or the ruleset's counts.")
    if changes.zones_invalid:
        click.echo(f"{changes.zones_invalid:,} customers have an invalid time zone: a fallback counts instead.")
    _print_counts(report.warnings, "warning")
    if report.ignored:
        click.echo(f"Columns that no attribute is called like were left out: {', '.join(report.ignored)}.")
    if report.refused:
        click.echo(f"Refused rows are in {order.rejects}:")
        _print_counts(report.reasons, "refused")


def _print_counts(counts: dict[str, int], what: str) -> None:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for sentence, rows in ranked[:MOST_SHOWN]:
        click.echo(f"  {what}: {sentence} ({rows:,} row{'s' * (rows != 1)})")
    if len(ranked) > MOST_SHOWN:
        click.echo(f"  and {len(ranked) - MOST_SHOWN} other reasons")
