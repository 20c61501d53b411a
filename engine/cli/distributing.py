"""`carpe snapshot`, `carpe run --engine spark` and `carpe load-decisions`: a day on many machines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from engine.cli.context import (
    catalog_of,
    console,
    database_option,
    json_option,
    opened,
    print_json,
    rules_option,
    ruleset_of,
)
from engine.cli.deciding_bar import progress_bar
from engine.cli.pass_report import say_not_run, show, show_decided
from engine.clock import utc_now
from engine.config import Settings
from engine.distributed import export, load
from engine.distributed.run import run as run_on_spark
from engine.halts import begin_by_the_clock, refuse_halted
from engine.store.reindex import reindex
from engine.unavailable import not_run


@click.command(epilog="Example: carpe snapshot --out /mnt/shared/state")
@click.option("--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="A new folder.")
@database_option
@rules_option
@json_option
def snapshot(out: Path, database: str | None, rules: Path | None, as_json: bool) -> None:
    """Write customers, subscriptions, events and what was decided as Parquet, for `carpe run --engine spark`.

    It holds personal data: keep the folder as you keep the database. It appears whole or not at all.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    catalog = catalog_of(settings)
    with opened(settings) as store:
        with store.write() as connection:
            reindex(connection, catalog, utc_now())
        with _rows(as_json) as progress:
            made = export.export(store, catalog, out, utc_now(), progress)
    counts = {"customers": made.customers, "subscriptions": made.subscriptions, "events": made.events}
    if as_json:
        print_json({"folder": str(out), **counts})
    else:
        told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        click.echo(f"Wrote {told} to {out}.")


@click.command("load-decisions", epilog="Example: carpe load-decisions /mnt/shared/decided")
@click.argument("path")
@database_option
@rules_option
@json_option
def load_decisions(path: str, database: str | None, rules: Path | None, as_json: bool) -> None:
    """Bring what `carpe run --engine spark` decided into the database: decisions, receipts, deliveries, counters.

    What was decided here meanwhile is left out, so loading twice changes nothing. Deliveries are then carried out by
    the scheduler.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    ruleset = ruleset_of(settings)
    results = load.open_results(path, ruleset)
    with opened(settings) as store:
        begin_by_the_clock(store, utc_now)
        with progress_bar(quiet=as_json) as progress:
            report = load.load(store, ruleset, results, utc_now(), progress=progress, check=refuse_halted)
    if as_json:
        print_json(report.to_json())
    elif report.pass_id is None:
        click.echo("All of it is in the database already, or was decided there: nothing changed.")
    else:
        show(console(), report, {})


def decide_on_spark(
    state: str | None, out: str | None, master: str, day: dt.date | None, rules: Path | None, as_json: bool
) -> None:
    """What `carpe run --engine spark` does."""
    if state is None or out is None or day is None:
        raise click.UsageError(
            "--engine spark needs --state, --as-of and --out: a snapshot, a day, and where to write."
        )
    ruleset = ruleset_of(Settings.from_environment(rules=rules))
    report = run_on_spark(state, ruleset, day, out, utc_now(), master)
    left_out = not_run(ruleset.rules)
    if as_json:
        print_json(report.to_json() | {"out": out, "not_run": [each.to_json() for each in left_out]})
        return
    show_decided(console(), report, f"Decided {day} into {out}")
    say_not_run(left_out)


@contextmanager
def _rows(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Customers written so far on stderr, on a terminal only."""
    screen = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} customers"), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        task = bar.add_task("snapshot", total=None)
        yield lambda rows: bar.update(task, completed=rows)
