"""The funnel over everybody: exact clause by clause, from the database, from columns, and from columns gone stale."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from dsl.datatypes import Value
from dsl.typed import All, Condition
from engine.cli.main import cli
from engine.matching.history import Happened, History
from engine.matching.interpreter import holds
from engine.matching.outline import outline
from engine.simulation.base_funnel import base_funnel
from engine.store.events import Event, put_events
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.snapshot.refresh import refresh
from engine.store.state import put_customers
from tests import world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 1)
RULES = world.ruleset(
    """
rule loyal on billing_anniversary where tenure > 12 and (plan = basic or mrr > $20) and not country = US offer premium

rule whoever on birthday offer premium

rule often on birthday where count of website_visit in last 30 days >= 1 and marketing_ok offer premium

rule curious on website_visit where page = "/pricing" and country = DE offer premium

rule either on renewal or birthday where first_name is known and mrr * 12 > $200 offer premium

rule thankful on birthday where no birthday_gift and accepted any in last 1 year offer premium
""".replace(" no birthday_gift and", "")
)
MADE = world.world(120)
EVENTS = [
    Event(f"e{n}", "website_visit", f"c{n:04}", NOW - dt.timedelta(days=n), {"page": "/pricing"}) for n in range(50)
]


def put(store: Store) -> None:
    world.put(store, RULES, MADE, NOW)
    with store.write() as connection:
        put_events(connection, RULES.catalog, EVENTS, NOW)


def everybody(customers: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """Every pair, as the reference reads it."""
    rows = []
    for person in customers:
        mine = [held for held in MADE.subscriptions if held["customer.id"] == person["customer.id"]]
        for held in mine:
            money = held.get("subscription.mrr")
            rows.append({"subscription.currency": getattr(money, "currency", "USD"), **person, **held})
        rows += [] if mine else [dict(person)]
    return rows


def past_of(row: dict[str, Value]) -> History:
    at = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
    mine = [Happened("website_visit", one.occurred_at) for one in EVENTS if one.customer_id == row["customer.id"]]
    return History(at, dt.UTC, mine)


def by_loops(name: str, customers: list[dict[str, Value]]) -> tuple[int, list[tuple[str, int, int, int, int | None]]]:
    """Concerned rows, and for each clause its text and counts."""
    rule = RULES.rule(name)
    assert rule is not None
    of_customer = any(use.moment in ("birthday", "website_visit") for use in rule.moments)
    rows = [
        row
        for row in everybody(customers)
        if row.get("subscription.status") != "cancelled" and (of_customer or "subscription.id" in row)
    ]

    def true(condition: Condition) -> Callable[[dict[str, Value]], bool | None]:
        return lambda row: holds(condition, row, DAY, past_of(row))

    items = rule.condition.items if isinstance(rule.condition, All) else (rule.condition,)
    found: list[tuple[str, int, int, int, int | None]] = []
    standing = rows
    for item in items:
        standing = [row for row in standing if true(item)(row) is True]
        for entry in outline(item):
            verdicts = [true(entry.condition)(row) for row in rows]
            left = len(standing) if entry.condition is item else None
            found.append((entry.text, verdicts.count(True), verdicts.count(False), verdicts.count(None), left))
    return len(rows), [] if rule.condition == All(()) else found


def counted(store: Store, name: str) -> tuple[int, list[tuple[str, int, int, int, int | None]]]:
    rule = RULES.rule(name)
    assert rule is not None
    found = base_funnel(store, RULES, rule, DAY)
    lines = [(one.text, one.true, one.false, one.missing, one.left) for one in found.clauses]
    standing = [found.concerned, *(line[4] for line in lines if line[4] is not None)]
    assert standing == sorted(standing, reverse=True)
    assert found.matched == standing[-1]
    return found.concerned, lines


NAMES = ["loyal", "whoever", "often", "curious", "either", "thankful"]


def test_from_the_database_from_columns_and_from_both(store: Store, tmp_path: Path) -> None:
    put(store)
    customers = [dict(one) for one in MADE.customers]
    told = {name: by_loops(name, customers) for name in NAMES}
    assert {name: counted(store, name) for name in NAMES} == told
    store.columns = tmp_path / "columns"
    with store.write() as connection:
        reindex(connection, RULES.catalog, NOW)
    refresh(store, RULES.catalog)
    assert {name: counted(store, name) for name in NAMES} == told
    for person in customers[:20]:
        person["customer.country"] = "DE"
    with store.write() as connection:
        put_customers(connection, RULES.catalog, customers[:20], NOW)
    assert {name: counted(store, name) for name in NAMES} == {name: by_loops(name, customers) for name in NAMES}


def test_progress_counts_the_rows(store: Store) -> None:
    put(store)
    seen: list[int] = []
    rule = RULES.rule("loyal")
    assert rule is not None
    found = base_funnel(store, RULES, rule, DAY, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == found.base == len(everybody([dict(one) for one in MADE.customers]))


def test_the_command_shows_it(store: Store, database_url: str, tmp_path: Path) -> None:
    put(store)
    (tmp_path / "catalog.yaml").write_text(world.CATALOG)
    (tmp_path / "all.rules").write_text(world.RULES)
    where = ("--database", database_url, "--rules", str(tmp_path))
    asked = ("preview", "curious", "--funnel", *where, "--as-of", "2026-03-01")
    told = CliRunner().invoke(cli, asked)
    assert told.exit_code == 0, told.output
    assert "If the moment came to everybody on 2026-03-01: 0 of" in told.output
    assert "clauses that ask it count as missing" in told.output
    document = json.loads(CliRunner().invoke(cli, (*asked, "--json")).output)
    assert [clause["left"] for clause in document["clauses"]] == [0, 0]
