"""`carpe demo`: the tour. Made-up customers, today's pass, a contested decision, an offer taken, and the web pages."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import click
from rich.console import Console

from dsl.typed import Ruleset
from engine.access import create_user
from engine.cli.contesting import accept_contested, show_contest
from engine.cli.context import console, ruleset_of
from engine.cli.deciding_bar import progress_bar
from engine.cli.pass_report import say_not_run, show
from engine.cli.serving import serve_until_stopped
from engine.clock import utc_now
from engine.config import Settings
from engine.deliveries.outbox import deliver
from engine.demo.contested import contest
from engine.demo.events import year_of_events
from engine.demo.example_rules import example_rules_folder
from engine.demo.population import population
from engine.errors import CarpeError
from engine.passes import run_pass
from engine.store.events import put_events
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.unavailable import not_run

LOGIN, PASSWORD = "demo", "carpe"
MARK = ".carpe-demo"
"""A file that tells a folder of ours: only such a folder is made anew."""


@click.command(epilog="Example: carpe demo --once")
@click.option("--once", is_flag=True, help="Do all but serve the web pages.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("carpe-demo"), show_default=True
)
@click.option("--size", type=click.IntRange(10, 1_000_000), default=10_000, show_default=True, help="Customers.")
@click.option("--seed", type=int, default=2026, show_default=True, help="The same seed makes the same customers.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def demo(once: bool, folder: Path, size: int, seed: int, port: int) -> None:
    """The tour: make a small world in FOLDER, decide its day, show a contested decision, serve the pages."""
    out, now = console(), utc_now()
    settings = Settings(f"sqlite:///{folder / 'carpe.db'}", folder / "rules", port=port)
    _make_folder(folder)
    upgrade(settings.database)
    ruleset = ruleset_of(settings)
    store = open_store(settings.database, settings.columns)
    try:
        _fill(out, store, ruleset, size, seed, now)
        _decide(out, store, ruleset, now)
        _contest(out, store, ruleset, now)
        if not once:
            out.print(f'\nSign in as "{LOGIN}" with the password "{PASSWORD}".')
            serve_until_stopped(settings, store, scheduling=True)
    finally:
        store.close()


def _make_folder(folder: Path) -> None:
    """An empty folder with the example rules; one that a tour made before is made anew."""
    if (folder / MARK).exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise CarpeError(f"{folder} holds something that is not a tour of Carpe; name another with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    shutil.copytree(example_rules_folder(), folder / "rules")


def _fill(out: Console, store: Store, ruleset: Ruleset, size: int, seed: int, now: dt.datetime) -> None:
    catalog = ruleset.catalog
    customers, subscriptions = population(catalog, size, now.date(), seed)
    with store.write() as connection:
        put_customers(connection, catalog, customers, now)
        put_subscriptions(connection, catalog, subscriptions, now)
        recorded = put_events(connection, catalog, year_of_events(catalog, customers, subscriptions, now, seed), now)
        create_user(connection, LOGIN, PASSWORD, "editor", now)
    out.print(
        f"Made up {len(customers):,} customers with {len(subscriptions):,} subscriptions and {recorded.new:,} events "
        f"of the last year; {recorded.pending:,} events of the last day wait to be decided."
    )


def _decide(out: Console, store: Store, ruleset: Ruleset, now: dt.datetime) -> None:
    out.print(f"Loaded {len(ruleset.rules)} rules. Today's pass:\n")
    with progress_bar() as progress:
        report = run_pass(store, ruleset, now, progress=progress)
    show(out, report, deliver(store, ruleset, now))
    say_not_run(not_run(ruleset.rules))


def _contest(out: Console, store: Store, ruleset: Ruleset, now: dt.datetime) -> None:
    """A decision that several rules wanted, then what becomes of it when the customer takes the offer."""
    with store.read() as connection:
        found = contest(connection, ruleset, now)
    if found is None:
        out.print("\nNo offer of today had a rival; a larger --size has some.")
        return
    show_contest(out, found, ruleset.catalog.policies.offers.horizon)
    accept_contested(out, store, ruleset, found, now)
