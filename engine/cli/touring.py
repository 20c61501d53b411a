"""`carpe demo`: the tour. Made-up customers, today's pass, one decision explained, and the web pages."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import click
import sqlalchemy as sa
from rich.console import Console

from dsl.typed import Ruleset
from engine.access import create_user
from engine.cli.asking import show_receipt
from engine.cli.context import console, ruleset_of
from engine.cli.deciding_bar import progress_bar
from engine.cli.pass_report import say_not_run, show
from engine.cli.serving import serve_until_stopped
from engine.clock import utc_now
from engine.config import Settings
from engine.deliveries.outbox import deliver
from engine.demo.events import year_of_events
from engine.demo.example_rules import example_rules_folder
from engine.demo.population import population
from engine.errors import CarpeError
from engine.passes import run_pass
from engine.reports.decisions import receipt
from engine.store.events import put_events
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import decisions
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
    """The tour: make a small world in FOLDER, decide its day, explain a decision and serve the pages."""
    out, now = console(), utc_now()
    settings = Settings(f"sqlite:///{folder / 'carpe.db'}", folder / "rules", port=port)
    _make_folder(folder)
    upgrade(settings.database)
    ruleset = ruleset_of(settings)
    store = open_store(settings.database, settings.columns)
    try:
        _fill(out, store, ruleset, size, seed, now)
        _decide(out, store, ruleset, now)
        _explain_one(out, store, now)
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


def _explain_one(out: Console, store: Store, now: dt.datetime) -> None:
    """The receipt of a decision whose occasion several rules wanted: the one with the most rivals."""
    rivals = (
        sa.select(decisions.c.detail.label("rule"), decisions.c.customer_id, decisions.c.due_at)
        .where(decisions.c.reason == "outranked")
        .subquery()
    )
    with store.read() as connection:
        chosen = connection.scalar(
            sa.select(decisions.c.id)
            .outerjoin(
                rivals,
                (rivals.c.rule == decisions.c.rule)
                & (rivals.c.customer_id == decisions.c.customer_id)
                & (rivals.c.due_at == decisions.c.due_at),
            )
            .where(decisions.c.slot.is_not(None), decisions.c.offer.is_not(None))
            .group_by(decisions.c.id)
            .order_by(sa.func.count(rivals.c.rule).desc(), decisions.c.id)
            .limit(1)
        )
        one = receipt(connection, chosen, now) if chosen else None
    if one is not None:
        out.print("\nOne decision, clause by clause:\n")
        show_receipt(out, one)
