"""What is met some time after an event, what was imported as if it had just happened, and rules tried again."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.event_path import decide_events_of
from engine.passes import run_again, run_pass
from engine.store.events import Event, put_events
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers
from engine.store.tables import counters, decisions, delayed, events, missed, reruns
from tests import world
from tests.test_passes import assert_conserved

START = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)

RULES = """
rule at_once on website_visit say "hello" via in_app
rule soon on 6 hours after website_visit say "hello" via in_app catch up within 12 hours
rule next_day on 1 day after website_visit say "hello" via in_app
rule next_week on 1 week after website_visit say "hello" via in_app catch up within 2 days
"""
DELAYS = {"at_once": (0 * HOUR, DAY), "soon": (6 * HOUR, 12 * HOUR), "next_day": (DAY, DAY)}
DELAYS["next_week"] = (7 * DAY, 2 * DAY)


def put(store: Store, told: list[Event], now: dt.datetime, **options: object) -> None:
    with store.write() as connection:
        put_events(connection, world.ruleset(RULES).catalog, told, now, **options)


def customers(store: Store, *keys: str) -> None:
    with store.write() as connection:
        rows = [{"customer.id": key, "customer.timezone": "Europe/Berlin"} for key in keys]
        put_customers(connection, world.ruleset(RULES).catalog, rows, START)


def visit(number: int, at: dt.datetime, customer: str = "c1") -> Event:
    return Event(f"e{number}", "website_visit", customer, at)


def decided(store: Store) -> set[tuple[str, str]]:
    with store.read() as connection:
        columns = (decisions.c.rule, decisions.c.occurrence, decisions.c.subject)
        found = connection.execute(sa.select(*columns)).all()
    assert len(found) == len(set(found))
    return {(rule, key.rpartition(":")[2] if "visit" in key else subject) for rule, key, subject in found}


def test_each_delay_is_met_once_when_it_is_over(store: Store):
    rules = world.ruleset(RULES)
    customers(store, "c1")
    put(store, [visit(1, START)], START)
    for hours, expected in (
        (0, {"at_once"}),
        (5.9, set()),
        (6, {"soon"}),
        (23, set()),
        (24, {"next_day"}),
        (168, {"next_week"}),
    ):
        before = decided(store)
        run_pass(store, rules, START + hours * HOUR)
        assert {rule for rule, _ in decided(store) - before} == expected, hours
    run_pass(store, rules, START + 30 * DAY)
    assert len(decided(store)) == 4
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(delayed)) == 3
        due = sa.select(decisions.c.due_at).where(decisions.c.rule == "next_day")
        assert connection.scalar(due) == START + DAY
    assert_conserved(store)


def test_random_events_and_outages_are_what_plain_loops_find(store: Store):
    """Passes at random hours, events that arrive late: who is met, by whom, and who was missed."""
    rng, rules = random.Random(5), world.ruleset(RULES)
    customers(store, *(f"c{n}" for n in range(8)))
    ticks = sorted(START + rng.uniform(0, 20 * 24) * HOUR for _ in range(60))
    ticks = [tick for tick in ticks if not START + 8 * DAY < tick < START + 11 * DAY]
    run_pass(store, rules, START - DAY)  # the rules were known before the first event
    told = []
    for number in range(150):
        at = START + rng.uniform(0, 19 * 24) * HOUR
        told.append((at + rng.choice([0, 0, 0, 1, 20, 23.9]) * HOUR, visit(number, at, f"c{rng.randrange(8)}")))
    expected, late = set(), Counter()
    for arrives, event in told:
        for rule, (delay, bound) in DELAYS.items():
            due = event.occurred_at + delay
            seen = next((tick for tick in ticks if tick >= max(due, arrives)), None)
            if seen is not None and seen - due <= bound:
                expected.add((rule, event.id))
            elif seen is not None:
                late[rule] += 1
    waiting = sorted(told, key=lambda pair: pair[0])
    for tick in ticks:
        while waiting and waiting[0][0] <= tick:
            arrives, event = waiting.pop(0)
            put(store, [event], arrives)
        run_pass(store, rules, tick)
    assert decided(store) == expected
    with store.read() as connection:
        query = sa.select(missed.c.rule, sa.func.sum(missed.c.occurrences)).group_by(missed.c.rule)
        assert {rule: int(count) for rule, count in connection.execute(query)} == dict(late)
    assert len(expected) > 200
    assert sum(late.values()) > 30
    assert_conserved(store)


def test_events_that_wait_together_see_what_the_ones_before_them_left(store: Store, tmp_path: Path):
    """Event by event and in one pass the decisions are the same, though rules read tags and earlier offers."""
    rules = world.ruleset("""
        rule first on website_visit where not is tagged met offer premium via in_app
        rule mark on website_visit tag met
        rule again on website_visit where was offered premium in last 3 days say "Welcome back" via in_app priority 2
    """)
    rng = random.Random(3)
    told = [visit(n, START + rng.uniform(0, 20) * HOUR, f"c{rng.randrange(4)}") for n in range(25)]
    told += [visit(25, told[0].occurred_at, told[0].customer_id)]  # the same instant: one occasion
    customers(store, *(f"c{n}" for n in range(4)))
    upgrade(f"sqlite:///{tmp_path / 'other.db'}")
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    customers(other, *(f"c{n}" for n in range(4)))
    put(store, told, START + DAY)
    run_pass(store, rules, START + DAY)
    for instant in sorted({event.occurred_at for event in told}):
        mine = [event for event in told if event.occurred_at == instant]
        put(other, mine, instant)
        decide_events_of(other, rules, "api", [event.id for event in mine], instant)

    def results(each: Store) -> set[tuple]:
        with each.read() as connection:
            columns = ("rule", "occurrence", "result", "reason", "detail", "slot")
            return {tuple(row) for row in connection.execute(sa.select(*(decisions.c[name] for name in columns)))}

    assert results(store) == results(other)
    assert len({(rule, result) for rule, _, result, *_ in results(store)}) > 3
    other.close()


def test_an_event_that_every_rule_was_too_late_for_is_missed(store: Store):
    rules = world.ruleset(RULES)
    customers(store, "c1")
    run_pass(store, rules, START - DAY)  # the rules were known before
    put(store, [visit(1, START)], START)
    report = run_pass(store, rules, START + 3 * DAY)
    assert report.total("missed") == 3  # at once, six hours after, a day after
    with store.read() as connection:
        assert connection.scalar(sa.select(events.c.state)) == "missed"
    assert_conserved(store)


def test_a_day_ordered_by_a_person_has_its_delays_too(store: Store):
    rules = world.ruleset(RULES)
    customers(store, "c1")
    put(store, [visit(1, START)], START)
    run_pass(store, rules, START, day=START.date() + DAY)
    assert {rule for rule, _ in decided(store)} == {"at_once", "next_day"}
    run_pass(store, rules, START, day=START.date() + DAY)
    run_pass(store, rules, START + DAY)
    assert {rule for rule, _ in decided(store)} == {"at_once", "next_day"}


# --- again -----------------------------------------------------------------------------------------------------------

BORN = dt.date(1990, 3, 2)
WISHES = 'rule wishes on birthday where country = DE say "hello" via in_app'
ALL_WISHES = 'rule wishes on birthday say "hello" via in_app'
EMAIL = 'rule wishes on birthday say "hello" via email'


def people(store: Store, **more: object) -> None:
    with store.write() as connection:
        rows = [
            {"customer.id": f"c{n}", "customer.timezone": "Europe/Berlin", "customer.date_of_birth": BORN}
            | ({"customer.country": "DE"} if n % 2 else {})
            | more
            for n in range(10)
        ]
        put_customers(connection, world.ruleset(WISHES).catalog, rows, START - DAY)


def totals(store: Store) -> dict[str, int]:
    with store.read() as connection:
        names = ("due", "not_matched", "offered", "held", "missed")
        found = connection.execute(sa.select(*(sa.func.sum(counters.c[name]) for name in names))).one()
        return dict(zip(names, map(int, found), strict=True))


def test_what_did_not_match_is_tried_again_and_what_was_said_stays(store: Store):
    people(store)
    run_pass(store, world.ruleset(WISHES), START + 3 * HOUR)
    assert totals(store) == {"due": 10, "not_matched": 5, "offered": 5, "held": 0, "missed": 0}
    before = decided(store)
    rules = world.ruleset(ALL_WISHES)
    run_again(store, rules, rules.rules[0], START.date(), "everybody has a birthday", START + 5 * HOUR)
    assert len(before) == 5
    assert len(decided(store)) == 10
    assert totals(store) == {"due": 10, "not_matched": 0, "offered": 10, "held": 0, "missed": 0}
    with store.read() as connection:
        order = connection.execute(sa.select(reruns)).one()
    assert (order.rule, order.reason, order.finished_at is not None) == ("wishes", "everybody has a birthday", True)
    assert_conserved(store)


def test_what_was_held_is_tried_again(store: Store):
    people(store)
    rules = world.ruleset(EMAIL)
    run_pass(store, rules, START + 3 * HOUR)
    assert totals(store)["held"] == 10
    people(store, **{"customer.marketing_ok": True})
    run_again(store, rules, rules.rules[0], START.date(), "they have agreed now", START + 5 * HOUR)
    assert totals(store) == {"due": 10, "not_matched": 0, "offered": 10, "held": 0, "missed": 0}
    assert_conserved(store)


def test_what_was_missed_is_tried_again(store: Store):
    people(store)
    rules = world.ruleset(ALL_WISHES)
    run_pass(store, rules, START - 10 * DAY)
    run_pass(store, rules, START + 8 * DAY)
    assert totals(store)["missed"] == 10
    run_again(store, rules, rules.rules[0], START.date(), "better late", START + 8 * DAY)
    assert totals(store) == {"due": 10, "not_matched": 0, "offered": 10, "held": 0, "missed": 0}
    with store.read() as connection:
        assert connection.execute(sa.select(missed)).all() == []


def test_an_order_that_was_cut_short_goes_on_where_it_stopped(store: Store, monkeypatch: pytest.MonkeyPatch):
    from engine.passes import rerun

    people(store)
    run_pass(store, world.ruleset(WISHES), START + 3 * HOUR)
    rules, shards, tried = world.ruleset(ALL_WISHES), [], rerun.rerun_shard

    def dies_in_the_middle(this, rule, day, number, shard):
        tried(this, rule, day, number, shard)
        shards.append(shard)
        if len(shards) == 7:
            raise RuntimeError("the power went")

    monkeypatch.setattr(rerun, "rerun_shard", dies_in_the_middle)
    with pytest.raises(RuntimeError):
        run_again(store, rules, rules.rules[0], START.date(), "again", START + 5 * HOUR)
    run_again(store, rules, rules.rules[0], START.date(), "again", START + 6 * HOUR)
    assert totals(store) == {"due": 10, "not_matched": 0, "offered": 10, "held": 0, "missed": 0}
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(reruns)) == 1
    assert_conserved(store)


def test_events_are_tried_again_too(store: Store):
    rules = world.ruleset('rule curious on website_visit where page = "/pricing" say "hello" via in_app')
    customers(store, "c1")
    put(store, [visit(1, START), Event("e2", "website_visit", "c1", START + HOUR, {"page": "/pricing"})], START + HOUR)
    run_pass(store, rules, START + 2 * HOUR)
    assert decided(store) == {("curious", "e2")}
    wider = world.ruleset('rule curious on website_visit say "hello" via in_app')
    run_again(store, wider, wider.rules[0], START.date(), "any page", START + 3 * HOUR)
    assert decided(store) == {("curious", "e1"), ("curious", "e2")}
    assert totals(store) == {"due": 2, "not_matched": 0, "offered": 2, "held": 0, "missed": 0}
