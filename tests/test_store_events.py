"""Events are recorded once, by source and id; only fresh ones are pending."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from dsl.catalog import Catalog
from dsl.datatypes import Money
from engine.store.events import Event, Fault, Recorded, put_events
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import events

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
VISIT = Event("e1", "website_visit", "anna", NOW - dt.timedelta(hours=1), {"page": "/pricing", "seconds": 20.0})


@pytest.fixture
def known(store: Store, shop: Catalog) -> Store:
    with store.write() as connection:
        put_customers(connection, shop, [{"customer.id": "anna"}, {"customer.id": "bob"}], NOW)
        put_subscriptions(connection, shop, [{"customer.id": "anna", "subscription.id": "s1"}], NOW)
    return store


def put(store: Store, shop: Catalog, *batch: Event, now: dt.datetime = NOW) -> Recorded:
    with store.write() as connection:
        return put_events(connection, shop, batch, now)


def states(store: Store) -> dict[tuple[str, str], str]:
    with store.read() as connection:
        return {(row.source, row.id): row.state for row in connection.execute(select(events))}


def test_an_event_keeps_both_times(known: Store, shop: Catalog) -> None:
    paid = Event("e2", "purchase", "anna", NOW - dt.timedelta(days=90), {"amount": Money(1250, "EUR")}, source="shop")
    assert put(known, shop, VISIT, paid) == Recorded(fresh=(0, 1), met=(0,))
    with known.read() as connection:
        visit, purchase = connection.execute(select(events).order_by(events.c.id)).all()
    assert (visit.occurred_at, visit.recorded_at) == (VISIT.occurred_at, NOW)
    assert (visit.source, visit.state, visit.properties) == ("api", "pending", {"page": "/pricing", "seconds": 20.0})
    assert (purchase.source, purchase.state, purchase.properties) == ("shop", "history", {"amount": [1250, "EUR"]})
    assert visit.decided_at is None


def test_the_same_event_again_changes_nothing(known: Store, shop: Catalog) -> None:
    put(known, shop, VISIT)
    assert put(known, shop, VISIT, VISIT, now=NOW + dt.timedelta(days=3)) == Recorded(unchanged=2)
    assert states(known) == {("api", "e1"): "pending"}


def test_the_same_event_twice_in_one_batch_is_one(known: Store, shop: Catalog) -> None:
    recorded = put(known, shop, VISIT, VISIT, replace(VISIT, properties={"page": "/"}))
    assert (recorded.new, recorded.unchanged) == (1, 1)
    assert [(one.index, one.fault) for one in recorded.refusals] == [(2, Fault.CONFLICT)]


@pytest.mark.parametrize(
    "other",
    [
        replace(VISIT, properties={"page": "/pricing", "seconds": 21.0}),
        replace(VISIT, properties={}),
        replace(VISIT, occurred_at=VISIT.occurred_at + dt.timedelta(microseconds=1)),
        replace(VISIT, customer_id="bob"),
        replace(VISIT, subscription_id="s1"),
        replace(VISIT, moment="purchase", properties={}),
    ],
)
def test_another_body_under_the_same_id_is_a_conflict(known: Store, shop: Catalog, other: Event) -> None:
    put(known, shop, VISIT)
    recorded = put(known, shop, other)
    assert (recorded.new, recorded.unchanged) == (0, 0)
    assert [one.fault for one in recorded.refusals] == [Fault.CONFLICT]
    assert put(known, shop, VISIT).unchanged == 1


def test_another_source_has_its_own_ids(known: Store, shop: Catalog) -> None:
    assert put(known, shop, VISIT, replace(VISIT, source="crm", properties={})).new == 2
    assert states(known) == {("api", "e1"): "pending", ("crm", "e1"): "pending"}


def test_the_order_of_properties_is_no_difference(known: Store, shop: Catalog) -> None:
    put(known, shop, VISIT)
    again = replace(VISIT, properties=dict(reversed(VISIT.properties.items())))
    elsewhere = VISIT.occurred_at.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert put(known, shop, replace(again, occurred_at=elsewhere)).unchanged == 1


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (dt.timedelta(0), "pending"),
        (dt.timedelta(days=1), "pending"),
        (dt.timedelta(days=1, microseconds=1), "history"),
        (dt.timedelta(days=400), "history"),
        (-dt.timedelta(minutes=5), "pending"),
    ],
)
def test_an_old_event_is_history(known: Store, shop: Catalog, age: dt.timedelta, state: str) -> None:
    put(known, shop, replace(VISIT, occurred_at=NOW - age))
    assert states(known) == {("api", "e1"): state}


@pytest.mark.parametrize(
    ("bad", "fault", "column"),
    [
        (replace(VISIT, occurred_at=NOW + dt.timedelta(minutes=5, seconds=1)), Fault.FUTURE, "occurred_at"),
        (replace(VISIT, occurred_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC)), Fault.TOO_OLD, "occurred_at"),
        (replace(VISIT, occurred_at=dt.datetime(1066, 1, 1, tzinfo=dt.UTC)), Fault.TOO_OLD, "occurred_at"),
        (replace(VISIT, moment="website_visti"), Fault.UNKNOWN_MOMENT, "moment"),
        (replace(VISIT, moment="birthday"), Fault.UNKNOWN_MOMENT, "moment"),
        (replace(VISIT, customer_id="nobody"), Fault.UNKNOWN_CUSTOMER, "customer"),
        (replace(VISIT, customer_id="bob", subscription_id="s1"), Fault.UNKNOWN_SUBSCRIPTION, "subscription"),
        (replace(VISIT, subscription_id="s9"), Fault.UNKNOWN_SUBSCRIPTION, "subscription"),
        (replace(VISIT, moment="payment_failed", properties={}), Fault.SUBSCRIPTION_NEEDED, "subscription"),
    ],
)
def test_what_is_refused(known: Store, shop: Catalog, bad: Event, fault: Fault, column: str) -> None:
    good = replace(VISIT, id="good")
    recorded = put(known, shop, bad, good)
    (refusal,) = recorded.refusals
    assert (refusal.index, refusal.fault, refusal.column) == (0, fault, column)
    assert states(known) == {("api", "good"): "pending"}


def test_an_undeclared_property_is_a_mistake_of_the_caller(known: Store, shop: Catalog) -> None:
    with pytest.raises(ValueError, match="no property colour"):
        put(known, shop, replace(VISIT, properties={"colour": "red"}))


@pytest.mark.parametrize("size", [1, 60])
def test_the_same_events_from_many_sides_at_once(known: Store, shop: Catalog, size: int) -> None:
    """Retries of one request meet each other: one records, the others find it recorded; nobody fails."""
    batch = [replace(VISIT, id=f"e{number}") for number in range(size)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: put(known, shop, *batch), range(8)))
    assert sorted((one.new, one.unchanged) for one in done) == [(0, size)] * 7 + [(size, 0)]


def test_one_event_meets_a_large_batch(known: Store, shop: Catalog) -> None:
    batch = [replace(VISIT, id=f"e{number}") for number in range(500)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(put, known, shop, *(batch if turn % 2 else batch[turn : turn + 1])) for turn in range(8)]
        done = [job.result() for job in jobs]
    assert sum(one.new for one in done) == 500
    assert not any(one.refusals for one in done)
