"""`carpe db columns`: the columnar snapshot, made by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from engine.cli.context import catalog_of, database_option, json_option, opened, print_json, rules_option
from engine.clock import utc_now
from engine.config import Settings
from engine.errors import CarpeError
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.snapshot.refresh import Refreshed, drop, refresh


@click.command("columns", epilog="Example: carpe db columns --database sqlite:///carpe.db")
@click.option("--off", is_flag=True, help="Remove the columns and keep none.")
@database_option
@rules_option
@json_option
def db_columns(off: bool, database: str | None, rules: Path | None, as_json: bool) -> None:
    """Make the columns that due sets of large stores are read from, or bring them up to date. Safe to run again.

    They lie beside a SQLite database, or in the folder that CARPE_COLUMNS names. Passes do the same by themselves
    where there are more than 100,000 subscriptions, or columns already.
    """
    settings = Settings.from_environment(database=database, rules=rules)
    with opened(settings) as store:
        if off:
            drop(store)
            click.echo("The columns are removed: due sets are read from the database.")
            return
        _make(store, settings, as_json)


def _make(store: Store, settings: Settings, as_json: bool) -> None:
    if store.columns is None:
        raise CarpeError("PostgreSQL has no folder for columns yet: name one in CARPE_COLUMNS, then try again.")
    catalog = catalog_of(settings)
    with store.write() as connection:
        reindex(connection, catalog, utc_now())
    began = time.perf_counter()
    with rows_bar(as_json) as progress:
        done = refresh(store, catalog, progress=progress)
    took = time.perf_counter() - began
    if as_json:
        print_json({"folder": str(store.columns), "rows": done.rows, "read": done.read, "seconds": round(took, 3)})
    else:
        click.echo(_said(store, done, took))


def _said(store: Store, done: Refreshed, took: float) -> str:
    if not done.read and not done.renewed and not done.made:
        return f"The columns of {done.rows:,} rows in {store.columns} are up to date already."
    verb = "Renewed" if done.renewed and not done.made else "Made"
    rate = done.read / took if took else 0
    return (
        f"{verb} the columns of {done.rows:,} rows in {store.columns}: "
        f"{done.read:,} rows read in {took:.1f} s ({rate:,.0f} rows/s)."
    )


class _Rate(ProgressColumn):
    """Rows a second, lately."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


@contextmanager
def rows_bar(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Rows, their rate and seconds on stderr, on a terminal only."""
    screen = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} rows"), _Rate(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        task = bar.add_task("columns", total=None)
        yield lambda rows: bar.update(task, completed=rows)
