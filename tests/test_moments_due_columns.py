"""Due sets from columns equal those from the database, whatever was written since the columns were made."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from dsl.catalog import AttributeDeclaration, LeapDay, Moment, MomentKind, Owner, Recurs
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.typed import Attribute, MomentUse
from engine.moments.calendar import occurrence_key
from engine.moments.due import due_batch, gate_counts
from engine.moments.occurring import FEW, Occurring
from engine.store.forget import forget
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.snapshot.current import current
from engine.store.snapshot.pairs import stored_attributes
from engine.store.snapshot.refresh import refresh
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import SHARDS
from tests.test_moments_due import CATALOG as SMALL
from tests.test_moments_due import MOMENTS, NOW, ZONES

DAYS = [dt.date(2025, 2, 28), dt.date(2025, 3, 1), dt.date(2025, 4, 30), dt.date(2025, 5, 30), dt.date(2024, 2, 29)]
CROWDED = [dt.date(2024, 2, 29), dt.date(2023, 1, 31), dt.date(2024, 2, 28), dt.date(2023, 3, 1), dt.date(2024, 4, 30)]
CROWDED += [dt.date(1900, 1, 31), dt.date(2025, 4, 30), dt.date(2150, 2, 28), *DAYS]


def with_more(owner: Owner, **types: DataType) -> dict[str, AttributeDeclaration]:
    return {**SMALL.attributes(owner), **{name: AttributeDeclaration(name, owner, one) for name, one in types.items()}}


CATALOG = replace(
    SMALL,
    customer=with_more(
        Owner.CUSTOMER,
        first_name=DataType(Kind.TEXT),
        likes=DataType(Kind.SET),
        marketing_ok=DataType(Kind.FLAG),
        satisfaction=DataType(Kind.NUMBER),
    ),
    subscription=with_more(
        Owner.SUBSCRIPTION,
        seats=DataType(Kind.COUNT),
        discount=DataType(Kind.PERCENT),
        favourite=DataType(Kind.ADDON),
        tenure=DataType(Kind.ELAPSED, since="started_on"),
    ),
)
BUILT_IN = [
    Attribute(Owner.CUSTOMER, "id", DataType(Kind.TEXT)),
    Attribute(Owner.SUBSCRIPTION, "id", DataType(Kind.TEXT)),
    Attribute(Owner.SUBSCRIPTION, "tenure", DataType(Kind.ELAPSED, since="started_on")),
]
ALL = [*stored_attributes(CATALOG), *BUILT_IN]
USES = [MomentUse(moment.name, offset) for moment in MOMENTS for offset in (0, -7, 1)]
USES += [MomentUse("2025-04-30", 0, dt.date(2025, 4, 30)), MomentUse("2025-04-30", -1, dt.date(2025, 4, 30))]


class World:
    """A store that people are put into, changed in and forgotten from, at random."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.rng = store, random.Random(seed)
        self.customers: list[str] = []
        self.subscriptions: dict[str, str] = {}
        with store.write() as connection:
            reindex(connection, CATALOG, NOW)

    def maybe(self, share: float, value: Value) -> Value | None:
        return value if self.rng.random() < share else None

    def person(self, key: str) -> dict[str, Value]:
        pick = self.rng.choice
        row: dict[str, Value | None] = {
            "customer.id": key,
            "customer.timezone": self.maybe(0.9, pick(ZONES)),
            "customer.date_of_birth": self.maybe(0.9, pick(CROWDED)),
            "customer.first_name": pick(["Ada", "Олег", None, 'quote " here']),
            "customer.likes": pick([frozenset(), frozenset({"a", "b"}), None]),
            "customer.tags": pick([frozenset(), frozenset({"vip"})]),
            "customer.marketing_ok": pick([True, False, None]),
            "customer.satisfaction": self.maybe(0.5, self.rng.random()),
        }
        return {name: value for name, value in row.items() if value is not None}

    def held(self, key: str, customer: str) -> dict[str, Value]:
        pick = self.rng.choice
        row: dict[str, Value | None] = {
            "subscription.id": key,
            "customer.id": customer,
            "subscription.started_on": self.maybe(0.95, pick(CROWDED)),
            "subscription.renews_on": self.maybe(0.5, pick(CROWDED)),
            "subscription.status": pick(["active", "active", "past_due", "cancelled", None]),
            "subscription.billing_interval": pick(["month", "month", "year", None]),
            "subscription.plan": pick(["basic", "premium", None]),
            "subscription.mrr": self.maybe(0.8, Money(self.rng.randrange(9999), pick(["USD", "EUR"]))),
            "subscription.seats": pick([0, 7, None]),
            "subscription.favourite": pick(["backup", None]),
            "subscription.addons": pick([frozenset(), frozenset({"backup"})]),
        }
        return {name: value for name, value in row.items() if value is not None}

    def change(self, size: int) -> None:
        """New and changed people and subscriptions; some change hands, somebody is forgotten now and then."""
        with self.store.write() as connection:
            new = [f"c{self.rng.randrange(10**6):06}" for _ in range(size)]
            some = self.rng.sample(self.customers, min(size, len(self.customers)))
            put_customers(connection, CATALOG, [self.person(key) for key in {*new, *some}], NOW)
            self.customers = sorted({*self.customers, *new})
            more = [f"s{self.rng.randrange(10**6):06}" for _ in range(size)]
            changed = self.rng.sample(sorted(self.subscriptions), min(size, len(self.subscriptions)))
            for key in {*more, *changed}:
                if key not in self.subscriptions or self.rng.random() < 0.3:
                    self.subscriptions[key] = self.rng.choice(self.customers)
            rows = [self.held(key, self.subscriptions[key]) for key in {*more, *changed}]
            put_subscriptions(connection, CATALOG, rows, NOW)
            if self.rng.random() < 0.5:
                self.leave(connection, self.rng.choice(self.customers))

    def leave(self, connection: Connection, key: str) -> None:
        forget(connection, key)
        self.customers.remove(key)
        self.subscriptions = {each: whose for each, whose in self.subscriptions.items() if whose != key}


def both_ways(connection: Connection, question: Any) -> tuple[Any, Any]:
    """What is answered from columns, where they are good, and from the database alone, in one transaction."""
    folder = connection.get_execution_options()["carpe_columns"]
    from_columns = question()
    connection.execution_options(carpe_columns=None)
    from_database = question()
    connection.execution_options(carpe_columns=folder)
    return from_columns, from_database


def assert_same(connection: Connection, use: MomentUse, day: dt.date, zones: set[str] | None, shard: int | None) -> int:
    columns, database = both_ways(connection, lambda: due_batch(connection, CATALOG, use, day, zones, shard, ALL))
    assert columns.schema.equals(database.schema)
    assert columns.to_pylist() == database.to_pylist()
    one, other = both_ways(connection, lambda: gate_counts(connection, CATALOG, use, day, zones, shard))
    assert one == other
    rows: int = columns.num_rows
    return rows


@pytest.fixture
def with_columns(store: Store, tmp_path: Any) -> Store:
    store.columns = store.columns or tmp_path / "columns"
    return store


def test_columns_and_database_agree_whatever_is_written(with_columns: Store) -> None:
    world = World(with_columns, seed=5)
    rng = random.Random(11)
    seen: Counter[str] = Counter()
    world.change(100)
    for turn in range(6):
        if turn % 3 == 1:
            refresh(with_columns, CATALOG)
        if turn > 1:
            world.change(rng.choice([1, 5, 20]))
        with with_columns.read() as connection:
            for use in rng.sample(USES, 5):
                shard = rng.choice([None, rng.randrange(SHARDS), rng.randrange(SHARDS)])
                zones = rng.choice([None, set(rng.sample(ZONES, 2))])
                seen["due"] += assert_same(connection, use, rng.choice(DAYS), zones, shard)
            states = [current(connection, CATALOG, shard) for shard in range(SHARDS)]
        seen["trusted"] += sum(each is not None and not each.changed for each in states)
        seen["behind"] += sum(each is not None and bool(each.changed) for each in states)
        seen["distrusted"] += states.count(None)
    assert min(seen[name] for name in ("due", "trusted", "behind", "distrusted")) > 3, seen


def test_every_moment(with_columns: Store) -> None:
    world = World(with_columns, seed=8)
    world.change(150)
    refresh(with_columns, CATALOG)
    world.change(10)
    with with_columns.read() as connection:
        for use in [each for each in USES if each.offset in (0, -1)]:
            day = dt.date(2025, 4, 30) + dt.timedelta(use.offset)
            assert assert_same(connection, use, day, None, None) > 0, use


def test_the_transaction_that_writes_sees_what_it_wrote(with_columns: Store) -> None:
    world = World(with_columns, seed=2)
    world.change(40)
    refresh(with_columns, CATALOG)
    with with_columns.write() as connection:
        person = {"customer.id": "new", "customer.date_of_birth": dt.date(1990, 4, 30)}
        put_customers(connection, CATALOG, [person], NOW)
        table = due_batch(connection, CATALOG, MomentUse("birthday"), dt.date(2025, 4, 30), None, None, ())
        assert "new" in table["customer"].to_pylist()
        assert_same(connection, MomentUse("birthday"), dt.date(2025, 4, 30), None, None)


# --- the tables over dates -------------------------------------------------------------------------------------------

moments = st.builds(
    Moment,
    st.just("m"),
    st.just(MomentKind.RECURRING),
    st.just(Owner.SUBSCRIPTION),
    st.just("started_on"),
    st.sampled_from(Recurs),
    every=st.integers(1, 14),
    leap_day=st.sampled_from(LeapDay),
) | st.just(Moment("m", MomentKind.DATED, Owner.SUBSCRIPTION, "renews_on"))
some_dates = st.dates() | st.dates(dt.date(2023, 1, 28), dt.date(2025, 3, 2)) | st.sampled_from(CROWDED)


@settings(deadline=None, max_examples=60)
@given(
    moments,
    st.sampled_from(DAYS) | st.dates(dt.date(1950, 1, 1)),
    st.lists(st.tuples(st.none() | some_dates, st.sampled_from(["month", "year", "decade", None])), max_size=8),
)
def test_a_table_over_dates_is_the_calendar(
    moment: Moment, on: dt.date, rows: list[tuple[dt.date | None, str | None]]
) -> None:
    occurring = Occurring(moment, on)
    dates = pa.array([date for date, _ in rows], pa.date32())
    intervals = pa.array([interval for _, interval in rows], pa.string()).dictionary_encode()
    numbers = occurring.numbers(dates, intervals)
    found = [None if number < 0 else occurring.names[number] for number in numbers]
    assert found == [date and occurrence_key(moment, date, interval, on) for date, interval in rows]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_long_columns_are_looked_up_by_day(moment: Moment) -> None:
    """Two columns of many rows, the second with dates beyond the first's, and missing ones."""
    rng, on = random.Random(3), dt.date(2025, 2, 28)
    occurring = Occurring(moment, on)
    for span in (400, 4000):
        some = [rng.choice([None, on, on - dt.timedelta(rng.randrange(-span, span))]) for _ in range(FEW)]
        some[0] = dt.date(2024, 2, 28)
        billed = [rng.choice(["month", "year", None]) for _ in some]
        intervals = pa.array(billed, pa.string()).dictionary_encode()
        numbers = occurring.numbers(pa.array(some, pa.date32()), intervals)
        found = [None if number < 0 else occurring.names[number] for number in numbers]
        assert found == [
            date and occurrence_key(moment, date, each, on) for date, each in zip(some, billed, strict=True)
        ]
        assert any(found)
