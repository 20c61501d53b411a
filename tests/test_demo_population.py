"""The made-up world: the same for the same seed, whole enough for every moment, with the holes that real data has."""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from functools import cache
from pathlib import Path
from zoneinfo import available_timezones

import pytest
from dateutil.relativedelta import relativedelta

from dsl.catalog import Catalog, MomentKind
from dsl.catalog_reader import read_catalog
from dsl.datatypes import Kind
from dsl.source import Source
from engine.demo.events import year_of_events
from engine.demo.example_rules import example_rules_folder
from engine.demo.places import PLACES
from engine.demo.population import Row, population
from engine.store.events import Event

ROOT = Path(__file__).resolve().parents[1]
TODAY = dt.date(2026, 11, 22)
NOW = dt.datetime(2026, 11, 22, 10, 30, tzinfo=dt.UTC)
SIZE = 3_000
KNOWN_ZONES = available_timezones()


@cache
def catalog() -> Catalog:
    found, diagnostics = read_catalog(Source("catalog.yaml", (ROOT / "rules" / "catalog.yaml").read_text("utf-8")))
    assert found is not None, diagnostics
    return found


@cache
def people() -> tuple[list[Row], list[Row]]:
    return population(catalog(), SIZE, TODAY, seed=7)


@cache
def events() -> list[Event]:
    return list(year_of_events(catalog(), *people(), NOW, seed=7))


def values(rows: list[Row], key: str) -> list[object]:
    return [row[key] for row in rows if key in row]


# --- the same for the same seed --------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_world() -> None:
    again = population(catalog(), 300, TODAY, seed=3)
    assert population(catalog(), 300, TODAY, seed=3) == again
    assert population(catalog(), 300, TODAY, seed=4) != again
    assert list(year_of_events(catalog(), *again, NOW, 3)) == list(year_of_events(catalog(), *again, NOW, 3))
    assert list(year_of_events(catalog(), *again, NOW, 3)) != list(year_of_events(catalog(), *again, NOW, 4))


def test_a_smaller_world_is_the_beginning_of_a_larger_one() -> None:
    assert population(catalog(), 50, TODAY, seed=7)[0] == people()[0][:50]


def test_the_checkout_s_own_rules_are_the_example() -> None:
    assert example_rules_folder() == ROOT / "rules"


# --- customers -------------------------------------------------------------------------------------------------------


def test_only_declared_attributes_with_allowed_values() -> None:
    customers, subscriptions = people()
    for rows, declared in ((customers, catalog().customer), (subscriptions, catalog().subscription)):
        by_key = {each.key: each.type for each in declared.values()}
        built_in = {"customer.id", "customer.timezone", "customer.tags"}
        built_in |= {"subscription.id", "subscription.currency", "subscription.addons"}
        for row in rows:
            for key, value in row.items():
                assert key in by_key or key in built_in
                if key in by_key and by_key[key].kind is Kind.ENUM:
                    assert value in by_key[key].values


def test_every_declared_attribute_is_known_for_some_and_missing_for_others() -> None:
    always = {"subscription.status", "subscription.billing_interval", "customer.signed_up_on"}
    customers, subscriptions = people()
    for rows, declared in ((customers, catalog().customer), (subscriptions, catalog().subscription)):
        for attribute in declared.values():
            if attribute.type.kind is not Kind.ELAPSED and attribute.key not in always:
                assert 0 < len(values(rows, attribute.key)) < len(rows), attribute.key


def test_an_empty_set_is_not_a_missing_one() -> None:
    customers, _ = people()
    assert frozenset() in values(customers, "customer.interests")


def test_time_zones_fit_the_country_and_a_few_do_not_exist() -> None:
    fitting = {place.country: set(place.zones) for place in PLACES}
    customers, _ = people()
    invalid = 0
    for row in customers:
        zone, country = row.get("customer.timezone"), row.get("customer.country")
        if zone not in KNOWN_ZONES and zone is not None:
            invalid += 1
        elif zone is not None and country is not None:
            assert zone in fitting[str(country)]
    assert 0 < invalid < SIZE / 50
    assert all(zone in KNOWN_ZONES for place in PLACES for zone in place.zones)


def test_dates_that_break_calendars_are_here() -> None:
    customers, subscriptions = people()
    births = [day for day in values(customers, "customer.date_of_birth") if isinstance(day, dt.date)]
    anchors = Counter(day.day for day in values(subscriptions, "subscription.started_on") if isinstance(day, dt.date))
    assert sum((day.month, day.day) == (2, 29) for day in births) >= 5
    assert all(TODAY - relativedelta(years=97) < day <= TODAY - relativedelta(years=18) for day in births)
    assert all(anchors[day] >= 10 for day in range(1, 32))
    assert anchors[31] > anchors[15] / 2, "the 31st is wanted, seven months a year or not"


# --- subscriptions ---------------------------------------------------------------------------------------------------


def test_some_have_two_subscriptions_and_some_have_none() -> None:
    customers, subscriptions = people()
    held = Counter(row["customer.id"] for row in subscriptions)
    numbers = Counter(held[row["customer.id"]] for row in customers)
    assert numbers[0] > SIZE / 50
    assert numbers[2] > SIZE / 50
    assert numbers[1] > SIZE / 2
    assert len({row["subscription.id"] for row in subscriptions}) == len(subscriptions)


def test_a_subscription_starts_after_its_customer_came_and_not_tomorrow() -> None:
    customers, subscriptions = people()
    came = {row["customer.id"]: row["customer.signed_up_on"] for row in customers}
    for row in subscriptions:
        started = row.get("subscription.started_on")
        if isinstance(started, dt.date):
            assert came[row["customer.id"]] <= started <= TODAY


def test_renewals_are_anniversaries_of_the_start() -> None:
    """Counted from the original start, clamped at month ends; an independent count by days of the month."""
    _, subscriptions = people()
    checked = 0
    for row in subscriptions:
        started, renews = row.get("subscription.started_on"), row.get("subscription.renews_on")
        if isinstance(started, dt.date) and isinstance(renews, dt.date):
            checked += 1
            assert renews >= TODAY
            assert renews.day == min(started.day, calendar.monthrange(renews.year, renews.month)[1])
            if row["subscription.billing_interval"] == "year":
                assert renews.month == started.month
                assert renews < TODAY + relativedelta(years=1, days=1)
            else:
                assert renews < TODAY + relativedelta(months=1, days=2)
    assert checked > SIZE / 2


def test_cancelled_subscriptions_do_not_renew_and_trials_end_soon() -> None:
    _, subscriptions = people()
    statuses = Counter(row["subscription.status"] for row in subscriptions)
    assert set(statuses) == set(catalog().subscription["status"].type.values)
    for row in subscriptions:
        if row["subscription.status"] == "cancelled":
            assert "subscription.renews_on" not in row
        if row["subscription.status"] == "trialing":
            assert TODAY < row["subscription.trial_ends_on"] <= TODAY + dt.timedelta(days=14)


@pytest.mark.parametrize("text", ["2024-02-29", "2025-02-28", "2026-12-31", "2027-03-01"])
def test_every_day_has_something_due(text: str) -> None:
    """Bills, trials and renewals on any day: counted here by hand, not by the engine."""
    day = dt.date.fromisoformat(text)
    customers, subscriptions = population(catalog(), SIZE, day, seed=1)
    starts = [row["subscription.started_on"] for row in subscriptions if "subscription.started_on" in row]
    billed = [start for start in starts if isinstance(start, dt.date) and start.day == day.day and start < day]
    birthdays = [born for born in values(customers, "customer.date_of_birth") if isinstance(born, dt.date)]
    assert len(billed) > 20
    assert sum((born.month, born.day) in {(day.month, day.day), (3, 1)} for born in birthdays) > 0
    assert values(subscriptions, "subscription.trial_ends_on").count(day + dt.timedelta(days=3)) > 2
    assert values(subscriptions, "subscription.renews_on").count(day + dt.timedelta(days=14)) > 20


def test_a_catalog_with_fewer_words_gets_fewer_values() -> None:
    text = "currency: USD\ntimezone: UTC\ncustomer: {country: {type: enum, values: [NO]}}\nplans: {basic: {rank: 1}}\n"
    small, diagnostics = read_catalog(Source("catalog.yaml", text))
    assert small is not None, diagnostics
    customers, subscriptions = population(small, 500, TODAY, seed=1)
    assert set(values(customers, "customer.country")) == {"NO"}
    assert {key for row in customers for key in row} <= {
        f"customer.{name}" for name in ("id", "timezone", "tags", "country")
    }
    assert not any(row["subscription.addons"] for row in subscriptions)
    assert list(year_of_events(small, customers, subscriptions, NOW, seed=1)) == []


# --- events ----------------------------------------------------------------------------------------------------------


def test_every_kind_of_event_happens_and_lately_too() -> None:
    declared = {
        name for name, moment in catalog().moments.items() if moment.kind in (MomentKind.EVENT, MomentKind.CROSSING)
    }
    lately = Counter(event.moment for event in events() if event.occurred_at > NOW - dt.timedelta(days=1))
    assert {event.moment for event in events()} == declared
    assert set(lately) == declared
    assert sum(lately.values()) < len(events()) / 50, "mostly history"


def test_ids_are_unique_and_every_event_has_its_owner() -> None:
    customers, subscriptions = people()
    known = {row["customer.id"] for row in customers}
    owner = {row["subscription.id"]: row["customer.id"] for row in subscriptions}
    assert len({event.id for event in events()}) == len(events())
    for event in events():
        moment = catalog().moments[event.moment]
        assert event.customer_id in known
        assert (event.subscription_id is not None) == (moment.owner == "subscription")
        assert event.subscription_id is None or owner[event.subscription_id] == event.customer_id


def test_nothing_happens_before_its_owner_came_or_in_the_future() -> None:
    customers, subscriptions = people()
    since = {row["customer.id"]: row.get("customer.signed_up_on") for row in customers}
    since |= {row["subscription.id"]: row.get("subscription.started_on") for row in subscriptions}
    for event in events():
        came = since[event.subscription_id or event.customer_id]
        assert NOW - dt.timedelta(days=365, seconds=1) <= event.occurred_at <= NOW
        assert not isinstance(came, dt.date) or event.occurred_at.date() >= came


def test_properties_are_declared_and_sometimes_missing() -> None:
    missing: Counter[str] = Counter()
    for event in events():
        declared = catalog().moments[event.moment].properties
        assert event.properties.keys() <= declared.keys()
        missing.update(f"{event.moment}.{name}" for name in declared.keys() - event.properties.keys())
    assert {"support_call.resolved", "website_visit.seconds", "payment_failed.attempt", "upgrade.from_plan"} <= set(
        missing
    )


def test_an_upgrade_goes_up_to_the_plan_held_now() -> None:
    plan = {row["subscription.id"]: row.get("subscription.plan") for row in people()[1]}
    rank = {name: product.rank for name, product in catalog().plans.items()}
    for event in events():
        if event.moment == "upgrade":
            assert event.properties["to_plan"] == plan[str(event.subscription_id)]
            if before := event.properties.get("from_plan"):
                assert rank[str(before)] <= rank[str(event.properties["to_plan"])]
                assert before != event.properties["to_plan"]
