"""Event moments: from recorded events, and from one customer's state."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from dsl.catalog import AttributeDeclaration, Catalog, Moment, MomentKind, Owner
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.typed import Attribute, MomentUse
from engine.moments.events import event_batch
from engine.store.events import Event, put_events
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import events

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
PROPERTIES = {"page": DataType(Kind.TEXT), "seconds": DataType(Kind.NUMBER), "amount": DataType(Kind.MONEY)}
CATALOG = Catalog(
    currency="USD",
    timezone="America/New_York",
    customer={"country": AttributeDeclaration("country", Owner.CUSTOMER, DataType(Kind.ENUM))},
    subscription={
        name: AttributeDeclaration(name, Owner.SUBSCRIPTION, DataType(Kind.ENUM)) for name in ("status", "plan")
    },
    moments={
        "visit": Moment("visit", MomentKind.EVENT, Owner.CUSTOMER, properties=PROPERTIES),
        "failed": Moment(
            "failed", MomentKind.EVENT, Owner.SUBSCRIPTION, statuses=("active", "past_due"), properties=PROPERTIES
        ),
    },
)
ATTRIBUTES = [
    Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.ENUM)),
    Attribute(Owner.CUSTOMER, "country", DataType(Kind.ENUM)),
    *(Attribute(Owner.EVENT, name, kind) for name, kind in PROPERTIES.items()),
]
STATUSES = {"one": ["active"], "two": ["active", "paused"], "left": ["cancelled", "cancelled"], "none": []}


@pytest.fixture
def store(store: Store) -> Store:
    customers: list[dict[str, Value]] = [
        {"customer.id": whose, "customer.country": "JP", "customer.timezone": "Asia/Tokyo"} for whose in STATUSES
    ]
    subscriptions: list[dict[str, Value]] = [
        {
            "customer.id": whose,
            "subscription.id": f"{whose}-{number}",
            "subscription.status": status,
            "subscription.plan": f"plan {number}",
        }
        for whose, statuses in STATUSES.items()
        for number, status in enumerate(statuses)
    ]
    with store.write() as connection:
        put_customers(connection, CATALOG, customers, NOW)
        put_subscriptions(connection, CATALOG, subscriptions, NOW)
    return store


def happened(number: int, moment: str, whose: str, which: str | None = None, **properties: Value) -> Event:
    return Event(f"e{number}", moment, whose, NOW - dt.timedelta(minutes=5), properties, which, "web")


def batch(store: Store, *some: Event, attributes: list[Attribute] = ATTRIBUTES) -> list[dict[str, Any]]:
    with store.write() as connection:
        assert put_events(connection, CATALOG, some, NOW).new == len(some)
        found = connection.execute(sa.select(events).order_by(events.c.id)).all()
        return event_batch(connection, CATALOG, MomentUse(found[0].moment), found, attributes).to_pylist()


def test_a_customers_event_is_tried_on_each_concerned_subscription(store: Store) -> None:
    rows = batch(
        store,
        happened(1, "visit", "two", page="/pricing", seconds=2.5),
        happened(2, "visit", "none", amount=Money(999, "EUR")),
        happened(3, "visit", "left"),
        happened(4, "visit", "one"),
    )
    told = [(row["occurrence"], row["subject"], row["subscription"], row["subscription.plan"]) for row in rows]
    assert told == [
        ("visit:web:e1", "two", "two-0", "plan 0"),
        ("visit:web:e1", "two", "two-1", "plan 1"),
        ("visit:web:e2", "none", None, None),
        ("visit:web:e4", "one", "one-0", "plan 0"),
    ]
    assert [(row["event.page"], row["event.seconds"]) for row in rows] == [("/pricing", 2.5)] * 2 + [(None, None)] * 2
    assert [(row["event.amount"], row["event.amount.currency"]) for row in rows][2] == (999, "EUR")
    assert {(row["offset"], row["zone"], row["due_at"]) for row in rows} == {
        (0, "Asia/Tokyo", NOW - dt.timedelta(minutes=5))
    }


def test_a_subscriptions_event_is_that_ones_while_it_is_concerned(store: Store) -> None:
    rows = batch(
        store,
        happened(1, "failed", "two", "two-0", page="a"),
        happened(2, "failed", "two", "two-1", page="b"),  # paused: not in `while:`
        happened(3, "failed", "one", "one-0", page="c"),
    )
    assert [(row["subject"], row["customer"], row["event.page"]) for row in rows] == [
        ("two-0", "two", "a"),
        ("one-0", "one", "c"),
    ]


def test_columns_that_nobody_reads_are_not_there(store: Store) -> None:
    rows = batch(store, happened(1, "visit", "one"), attributes=[])
    assert [(row["customer"], len(row)) for row in rows] == [("one", 8)]


def test_nobody_concerned_is_an_empty_batch(store: Store) -> None:
    assert batch(store, happened(1, "visit", "left", page="a")) == []
