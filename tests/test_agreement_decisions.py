"""The same decisions everywhere: random rules and hostile people, decided by a pass, as a group of a cluster, by Spark.

What a pass leaves in SQLite is the measure, byte for byte: decisions, receipts, deliveries, counters. Its matches are
those of the reference interpreter, which reads the values that were made and a past told by plain loops.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from dsl.datatypes import Value
from dsl.typed import MomentUse
from engine.decisions.tables import Occurrence
from engine.distributed.load import load, open_results
from engine.matching.history import Decided, Happened, History
from engine.matching.interpreter import holds
from engine.moments.due import due_batch
from engine.passes import run_pass
from engine.plans import plans_of
from engine.store.session import Store, open_store
from engine.store.state import customer_states
from engine.store.tables import decisions, delayed, events
from tests import agreement_world as world
from tests.conftest import make_tables
from tests.spark_world import decide_and_write, everything
from tests.test_happenings_agreement import QUOTA

DAY = dt.date(2026, 4, 30)
NOW = dt.datetime(2026, 5, 3, tzinfo=dt.UTC)
RULES, PEOPLE = 40, 80
MADE = world.made(DAY, world.named(PEOPLE), 7)
RULESET = world.ruleset(DAY, RULES, 7)

Left = dict[str, list[Any]]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Store]]:
    """Filled SQLite stores by a name."""
    opened: list[Store] = []

    def make(name: str) -> Store:
        file = tmp_path_factory.mktemp(name) / "carpe.db"
        make_tables(file)
        opened.append(open_store(f"sqlite:///{file}"))
        world.fill(opened[-1], MADE, NOW)
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def passed(new: Callable[[str], Store]) -> Store:
    store = new("passed")
    run_pass(store, RULESET, NOW, day=DAY)
    return store


@pytest.fixture(scope="module")
def left(passed: Store) -> Left:
    return everything(passed)


# --- the reference ---------------------------------------------------------------------------------------------------


def history(met: dict[str, Any], row: dict[str, Value], told: list[world.Event]) -> History:
    """What happened before an occurrence, by plain loops over what was made; nothing was offered yet."""
    at, zone = met["due_at"], ZoneInfo(met["zone"])
    mine = [
        Happened(one.moment, one.occurred_at, one.properties)
        for one in told
        if one.customer_id == met["customer"] and (one.moment == "visit" or one.subscription_id == met["subscription"])
    ]
    read = sorted((one[2], one[3]) for one in MADE.used if one[0] == met["subscription"] and one[2] <= at)
    usage = {"storage": read[-1][1]} if read else {}
    quota = {}
    if (plan := row.get("subscription.plan")) in QUOTA:
        addons = row["subscription.addons"]
        assert isinstance(addons, frozenset)
        quota["storage"] = QUOTA[str(plan)] + 500 * ("more" in addons)
    offers: list[Decided] = []
    return History(at, zone, mine, offers, usage, quota)


def expected_of(store: Store, use: MomentUse, told: list[world.Event]) -> tuple[set[tuple[str, Occurrence]], int]:
    """The matches of a scheduled moment by the reference, and how many pairs of a rule and a row were asked."""
    found, asked = set(), 0
    rules = plans_of(RULESET).listening(use, DAY)
    with store.read() as connection:
        due = due_batch(connection, RULESET.catalog, use, DAY, None, None, ()).to_pylist()
        states = customer_states(connection, RULESET.catalog, sorted({met["customer"] for met in due}))
    for met in due:
        state = states[met["customer"]]
        held = next((one for one in state.subscriptions if one["subscription.id"] == met["subscription"]), {})
        row = {**state.customer, **held}
        past = history(met, row, told)
        occurrence = (met["subject"], met["moment"], met["offset"], met["occurrence"])
        found |= {(rule.name, occurrence) for rule in rules if holds(rule.condition, row, DAY, past) is True}
        asked += len(rules)
    return found, asked


def test_a_pass_decides_what_the_reference_matches(new: Callable[[str], Store], passed: Store) -> None:
    store, expected, asked = new("untouched"), set(), 0
    told = [*MADE.events, *MADE.waiting]
    for use in plans_of(RULESET).scheduled(DAY):
        matched, pairs = expected_of(store, use, told)
        expected |= matched
        asked += pairs
    names = ("rule", "subject", "moment", "offset", "occurrence")
    with passed.read() as connection:
        rows = connection.execute(sa.select(*(decisions.c[name] for name in names))).all()
    scheduled = {use.moment for use in plans_of(RULESET).scheduled(DAY)}
    found = {(row.rule, (row.subject, row.moment, row.offset, row.occurrence)) for row in rows}
    first = {(rule, met[0], met[3]) for rule, met in expected}
    assert {(rule, met[0], met[3]) for rule, met in found if met[1] in scheduled} == first
    assert asked > 800
    assert 0.1 < len(expected) / asked < 0.9


# --- the other ways --------------------------------------------------------------------------------------------------


def states_of_events(store: Store) -> list[Any]:
    """What became of every event, and what was met some time after."""
    with store.read() as connection:
        listened = [use.moment for use in plans_of(RULESET).happening()]
        mine = sa.select(events.c.id, events.c.state).where(events.c.moment.in_(listened)).order_by(events.c.id)
        later = sa.select(delayed.c.event_id, delayed.c.offset, delayed.c.state).order_by(*delayed.primary_key)
        return [[tuple(row) for row in connection.execute(query)] for query in (mine, later)]


def test_a_pass_on_another_database_decides_the_same(store: Store, passed: Store, left: Left) -> None:
    world.fill(store, MADE, NOW)
    run_pass(store, RULESET, NOW, day=DAY)
    assert everything(store) == left
    assert states_of_events(store) == states_of_events(passed)


def test_a_group_of_a_cluster_decides_the_same(
    new: Callable[[str], Store], passed: Store, left: Left, tmp_path: Path
) -> None:
    """And what is loaded of it stays as it is, whatever is loaded or decided again."""
    store = new("group")
    results = open_results(str(decide_and_write(store, tmp_path, DAY, NOW, RULESET)), RULESET)
    assert any(results.events.to_table()["again"].to_pylist()), "a rule that had decided an event is asked once more"
    load(store, RULESET, results, NOW)
    assert everything(store) == left
    assert states_of_events(store) == states_of_events(passed)
    assert load(store, RULESET, results, NOW).pass_id is None
    run_pass(store, RULESET, NOW, day=DAY)
    assert everything(store) == left


def test_there_is_something_to_agree_about(left: Left) -> None:
    """Every kind of moment, of result and of reason, and rules that see what others left a moment before."""
    rows = [json.loads(row) for row in left["decisions"]]
    text = "\n".join(left["decisions"])
    assert len(rows) > 250
    for word in ("birthday", "bill", "visit", "failed", str(DAY), "outranked", "already_has", "no_consent", "tagged"):
        assert word in text, word
    assert re.search('"(visit|failed)", (24|30), ', text)
