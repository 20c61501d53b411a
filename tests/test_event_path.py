"""When an event counts: how late it may be told, by its moment's rules, and what becomes of one ahead of the clock."""

from __future__ import annotations

import datetime as dt

import pytest
from meter_world import CATALOG, RULES, settle, subscription
from sqlalchemy import select
from world import put, ruleset, world

from engine.event_bounds import event_bounds, in_words, live_bounds
from engine.event_path import IncomingEvent, decide_event, decide_events_of, record
from engine.passes import run_pass
from engine.store.events import CATCH_UP
from engine.store.meters import Reading
from engine.store.readings import put_readings
from engine.store.session import Store
from engine.store.statistics import zone_fallbacks
from engine.store.tables import decisions, events
from engine.store.zones import Fallback

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

PATIENT = """
rule a on visit say "A." via in_app catch up within {}
rule b on visit or usage_alert say "B." via in_app catch up within 36 hours
rule c on nearly say "C." via in_app catch up never
rule d on bill say "D." via in_app catch up within 30 days
"""


@pytest.mark.parametrize(
    ("clause", "bound"),
    [
        ("1 hour", dt.timedelta(hours=36)),
        ("2 weeks", 14 * DAY),
        ("2 months", 64 * DAY),
        ("1 year", 367 * DAY),
    ],
)
def test_the_most_patient_rule_of_a_moment_counts(clause: str, bound: dt.timedelta) -> None:
    assert event_bounds(ruleset(PATIENT.format(clause), CATALOG)) == {
        "visit": bound,
        "usage_alert": dt.timedelta(hours=36),
        "nearly": CATCH_UP,
    }


def test_live_is_however_old() -> None:
    bounds = live_bounds(ruleset(RULES, CATALOG).catalog)
    assert set(bounds) == {"visit", "usage_alert", "nearly"}
    assert min(bounds.values()) > NOW - dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ([], "1 day"),
        ([DAY, DAY], "1 day"),
        ([dt.timedelta(hours=36)], "36 hours"),
        ([14 * DAY, DAY], "1 day to 14 days, as the moments' rules allow"),
    ],
)
def test_bounds_in_words(bounds: list[dt.timedelta], words: str) -> None:
    assert in_words(bounds) == words


def test_an_event_ahead_of_the_clock_waits_for_its_time(store: Store) -> None:
    """No pass before its time decides it, none after it misses it."""
    rules = ruleset(RULES, CATALOG)
    settle(store, [("anna", "Europe/Berlin")], [subscription("s1", "anna")], NOW)
    ahead = dt.timedelta(minutes=5)
    assert record(store, rules, IncomingEvent("shop", "e", "visit", "anna", NOW + ahead), NOW).counts_as == "moment"
    for at, found in ((NOW, []), (NOW + ahead - dt.timedelta(microseconds=1), []), (NOW + ahead, ["seen"])):
        run_pass(store, rules, at)
        with store.read() as connection:
            assert list(connection.scalars(select(decisions.c.rule))) == found
    assert [each.rule for each in decide_event(store, rules, "shop", "e", NOW + DAY)] == ["seen"]


def test_levels_of_one_instant_are_one_occasion_in_a_pass_too(store: Store) -> None:
    rules = ruleset(RULES, CATALOG)
    settle(store, [("anna", "Europe/Berlin")], [subscription("s1", "anna")], NOW)
    with store.write() as connection:
        told = put_readings(connection, rules.catalog, [Reading("s1", "uploads", NOW, 130.0)], NOW)
    report = run_pass(store, rules, NOW)
    assert (report.moments["usage_alert"], report.moments["nearly"]) == (2, 1)
    with store.read() as connection:
        results = sorted(connection.scalars(select(decisions.c.result)))
        states = set(connection.scalars(select(events.c.state)))
    assert (results, states) == (["held", "held", "said"], {"decided"})
    ids = [one.event.id for one in told.crossings]
    again = decide_events_of(store, rules, "meter", ids, NOW + DAY)
    assert sorted(line.result for lines in again.values() for line in lines) == results


def test_customers_by_why_their_zone_is_not_their_own(store: Store) -> None:
    rules, made = ruleset(), world(60)
    put(store, rules, made, NOW)
    given = [each.get("customer.timezone") for each in made.customers]
    with store.read() as connection:
        assert zone_fallbacks(connection) == {
            Fallback.MISSING: given.count(None),
            Fallback.INVALID: given.count("Nowhere/Land"),
        }
