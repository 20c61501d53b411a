"""Pauses: kept with their reason, lifted by name, and a paused rule's deliveries stay where they are."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from engine.deliveries.outbox import deliver
from engine.halts import EverythingPaused, refuse_halted
from engine.passes import run_pass
from engine.pauses import EVERYTHING, Pause, every_pause, pause, paused, resume
from engine.store.session import Store
from engine.store.tables import decisions, deliveries
from tests import world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)
RULES = world.ruleset(
    'rule wishes on birthday say "Hello {{ first_name }}" via email\n'
    'rule greet on website_visit say "Welcome" via in_app\n'
)


def test_a_pause_keeps_its_time_and_a_new_reason(store: Store) -> None:
    with store.write() as connection:
        assert paused(connection) == frozenset()
        pause(connection, "wishes", "the wording", NOW)
        pause(connection, "wishes", "the wording is wrong", NOW + dt.timedelta(hours=1))
        pause(connection, EVERYTHING, "wrong prices", NOW)
        assert every_pause(connection) == (
            Pause(EVERYTHING, NOW, "wrong prices"),
            Pause("wishes", NOW, "the wording is wrong"),
        )
        assert paused(connection) == {EVERYTHING, "wishes"}
        assert resume(connection, EVERYTHING)
        assert not resume(connection, EVERYTHING)
        assert paused(connection) == {"wishes"}


def test_only_a_pause_of_everything_halts_every_process(store: Store) -> None:
    with store.write() as connection:
        pause(connection, "wishes", "the wording", NOW)
        refuse_halted(connection)
        pause(connection, EVERYTHING, "wrong prices.", NOW)
        with pytest.raises(EverythingPaused) as told:
            refuse_halted(connection)
    sentence = "Everything has been paused since 2026-02-28 23:00 UTC (wrong prices); `carpe resume` goes on."
    assert str(told.value) == sentence


def test_what_a_paused_rule_has_not_sent_waits_and_the_rest_leaves(store: Store) -> None:
    person = {"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28), "customer.marketing_ok": True}
    world.put(store, RULES, world.World([person, {**person, "customer.id": "c2"}], []), NOW)
    run_pass(store, RULES, NOW, day=DAY)
    with store.write() as connection:
        connection.execute(decisions.update().where(decisions.c.customer_id == "c2").values(rule="greet"))
        pause(connection, "wishes", "the wording", NOW)
    assert states(store) == {"wishes": "pending", "greet": "pending"}
    assert deliver(store, RULES, NOW) == {"sent": 1}
    assert states(store) == {"wishes": "pending", "greet": "sent"}
    with store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
        resume(connection, "wishes")
    assert deliver(store, RULES, NOW) == {}
    with store.write() as connection:
        resume(connection, EVERYTHING)
    assert deliver(store, RULES, NOW) == {"sent": 1}


def states(store: Store) -> dict[str, str]:
    with store.read() as connection:
        query = sa.select(decisions.c.rule, deliveries.c.state).join(decisions)
        return {row.rule: row.state for row in connection.execute(query)}
