"""The desk: nobody is answered for what is not on disk, and what goes wrong is told to whom it concerns."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import make_tables
from hypothesis import given
from hypothesis import strategies as st
from strategies import conditions, make_rows
from world import put, ruleset, world

from dsl.typed import MomentUse, Rule
from engine.decisions.identity import decision_id
from engine.decisions.receipts import receipt
from engine.errors import DatabaseLocked
from engine.online.desk import EventDesk
from engine.online.drafts import Telling
from engine.online.incoming import Answer, EventConflict, EventRefused, IncomingEvent
from engine.online.receipts import ReceiptForm
from engine.passes import run_again, run_pass
from engine.pauses import EVERYTHING, pause, resume
from engine.store import engines
from engine.store.documents import dump
from engine.store.session import Store, open_store
from engine.store.tables import counters, decisions, events

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
RULES = ruleset("""
rule greets on website_visit where page = "/a" say "Hello." via in_app
rule counts on website_visit where count of website_visit in last 1 day >= 2 say "Again." via in_app priority 1
""")


def visit(key: str, customer: str = "c0001", page: str = "/a") -> IncomingEvent:
    return IncomingEvent("shop", key, "website_visit", customer, NOW, None, {"page": page})


def desk_of(store: Store) -> EventDesk:
    put(store, RULES, world(12), NOW - dt.timedelta(days=30))
    return EventDesk(store, lambda: RULES)


def count(store: Store, table: sa.Table) -> int:
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def test_a_refused_event_stops_nobody_elses_and_one_customers_are_decided_in_order(store: Store) -> None:
    told = [visit("1"), visit("2", "nobody"), visit("3"), visit("1", page="/b"), visit("1"), visit("4", page="/b")]
    answers = desk_of(store).tell_all([Telling(event, NOW, decides=True) for event in told])
    first, unknown, second, conflict, same, third = answers
    assert isinstance(unknown, EventRefused)
    assert unknown.unknown
    assert isinstance(conflict, EventConflict)
    lines = {}
    for name, answer in (("first", first), ("second", second), ("third", third), ("same", same)):
        assert isinstance(answer, Answer)
        lines[name] = [(line.rule, line.result) for line in answer.decisions or ()]
    assert lines["first"] == lines["same"] == [("greets", "said")]
    assert lines["second"] == [("counts", "said"), ("greets", "held")]
    assert lines["third"] == [("counts", "said")]
    assert count(store, events) == 3


def test_while_everything_is_paused_events_are_kept_and_wait_for_a_pass(store: Store) -> None:
    desk = desk_of(store)
    with store.write() as connection:
        pause(connection, EVERYTHING, "lawyers", NOW)
    answer = desk.tell(visit("1"), NOW, decide=True)
    assert (answer.decisions, "lawyers" in (answer.waiting or "")) == (None, True)
    with store.write() as connection:
        resume(connection, EVERYTHING)
    assert run_pass(store, RULES, NOW).total("offered") == 1
    assert [line.rule for line in desk.tell(visit("1"), NOW, decide=True).decisions or ()] == ["greets"]


def test_a_key_that_is_taken_is_not_decided_again_and_the_others_are(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """As after somebody was forgotten and came back: the event is gone, what was decided for its key is not."""
    desk = desk_of(store)
    desk.tell(visit("1"), NOW, decide=True)
    with store.write() as connection:
        connection.execute(events.delete())
    kept = decision_id("greets", "c0001", "website_visit:shop:1")
    told = [visit("1"), visit("2", "c0002"), visit("3", "c0003")]
    answers = desk.tell_all([Telling(event, NOW, decides=True) for event in told])
    assert [[line.rule for line in answer.decisions or ()] for answer in answers] == [["greets"]] * 3
    with store.read() as connection:
        assert sorted(connection.scalars(sa.select(decisions.c.id).where(decisions.c.customer_id == "c0001"))) == [kept]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_rule_is_tried_again_on_what_events_were_counted_together(store: Store) -> None:
    """The counters lose what the rule did not match before the rerun counts it anew."""
    desk = desk_of(store)
    for number in range(5):
        desk.tell(visit(str(number), f"c000{number}", "/a" if number < 2 else "/b"), NOW, decide=True)
    met = {number for number in range(5) if desk.tell(visit(f"x{number}", f"c000{number}"), NOW, decide=True).decisions}
    run_again(store, RULES, RULES.rules[0], TODAY, "looked at again", NOW)
    run_pass(store, RULES, NOW)
    with store.read() as connection:
        sums = sa.select(*(sa.func.sum(counters.c[name]) for name in ("due", "not_matched", "offered", "held")))
        due, not_matched, offered, held = connection.execute(sums.where(counters.c.rule == "greets")).one()
        decided = connection.scalar(sa.select(sa.func.count()).where(decisions.c.rule == "greets"))
        assert list(connection.scalars(sa.select(counters.c.rule).where(counters.c.rule.startswith("*")))) == []
    assert due == not_matched + offered + held
    assert offered + held == decided
    assert due == 2 * len(met)


def test_a_locked_database_is_one_sentence_for_each_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    make_tables(tmp_path / "carpe.db")
    store = open_store(f"sqlite:///{tmp_path / 'carpe.db'}")
    desk, other = desk_of(store), sqlite3.connect(tmp_path / "carpe.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: list[object] = []

    def tell(number: int) -> None:
        try:
            told.append(desk.tell(visit(str(number)), NOW, decide=True))
        except DatabaseLocked as error:
            told.append(str(error))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [str(DatabaseLocked())] * 4
    other.execute("ROLLBACK")
    other.close()
    assert count(store, events) == 0
    assert desk.tell(visit("0"), NOW, decide=True).kept.state == "new"
    store.close()


@given(conditions(TODAY, computing=True), st.integers(0, 1000), st.booleans())
def test_a_receipt_that_is_filled_in_is_the_one_of_the_book(condition, seed: int, hides: bool) -> None:
    [row] = make_rows(1, TODAY, seed)
    personal = frozenset(row) if hides else frozenset({"customer.email"})
    rule, rivals = Rule("r", None, (MomentUse("m"),), condition, ()), [("r", 0, "said", None, None)]
    filled = ReceiptForm(condition, personal).filled(row, TODAY, rivals)
    assert filled == dump(receipt(rule, row, TODAY, rivals, personal))
