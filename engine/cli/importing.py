"""`carpe import`: customers, subscriptions, events and readings from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dsl.service import check
from dsl.typed import Ruleset
from engine.cli.context import database_option, json_option, opened, print_json, rules_option
from engine.cli.import_report import print_report
from engine.cli.live_import import ask_first, consent
from engine.clock import utc_now
from engine.config import Settings
from engine.errors import CarpeError
from engine.event_bounds import event_bounds, live_bounds
from engine.rule_files import read_files
from engine.store.ingest.imports import Order, run_import
from engine.store.ingest.mapping import read_mapping
from engine.store.ingest.targets import Subject


@click.group("import")
def import_group() -> None:
    """Import customers, subscriptions, events and readings from CSV, JSON lines or Parquet.

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
@click.option("--live", is_flag=True, help="Every new event is met by rules, however old it is.")
@click.option("--yes", is_flag=True, help="With --live: do not ask, however many customers it concerns.")
def import_events(live: bool, yes: bool, **options: Any) -> None:
    """Import events, one a row; their customers come first.

    Without --map, columns called like attributes are taken as they are: `id`, `moment`, `customer` and `occurred_at`
    (needed), `subscription`, `source`, and the moment's properties. An event that happened more than a day ago, or
    longer ago than the `catch up within` of a rule that listens to it, is history: it counts in conditions and makes no
    moment. With --live none is history; Carpe counts first whom rules would meet, and asks if they are many.
    """
    _import(Subject.EVENTS, live=live, yes=yes, **options)


@import_group.command("readings", epilog="Example: carpe import readings usage.csv")
@_options
def import_readings(**options: Any) -> None:
    """Import what meters read, one reading a row; their subscriptions come first.

    Without --map, these columns are taken as they are, and all are needed: `subscription`, `meter`, `read_at` and
    `used`, in the meter's unit. The latest reading of a meter counts: an older one, or the same again, changes nothing.
    A reading that passes a level of a crossing makes its event, once a level, meter and billing period.
    """
    _import(Subject.READINGS, **options)


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
    live: bool = False,
    yes: bool = False,
) -> None:
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = _ruleset(settings.rules, subject)
    catalog = ruleset.catalog
    mapped = read_mapping(mapping) if mapping else None
    order = Order(subject, path, mapped, form, rejects or Path(f"{path.name}.rejects.csv"), dry_run)
    order = replace(order, catch_up=live_bounds(catalog) if live else event_bounds(ruleset))
    with opened(settings) as store:
        if live:
            consent(ask_first(store, ruleset, order, utc_now()), yes=yes or dry_run, quiet=as_json)
        with _bar(as_json) as progress:
            report = run_import(store, catalog, order, utc_now(), progress)
    if as_json:
        print_json(report.to_json() | {"rejects": str(order.rejects) if report.refused else None, "dry_run": dry_run})
    else:
        print_report(report, order)
    if report.refused:
        raise SystemExit(1)


def _ruleset(folder: Path, subject: Subject) -> Ruleset:
    """The catalog, with the rules that say how late what happened may come; a rule that is not right says nothing."""
    files = read_files(folder)
    if subject in (Subject.CUSTOMERS, Subject.SUBSCRIPTIONS):
        files = {"catalog.yaml": files["catalog.yaml"]}
    ruleset = check(files).ruleset
    if ruleset is None:
        raise CarpeError(f"The catalog in {folder} has errors; `carpe check --rules {folder}` shows them.")
    return ruleset


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
