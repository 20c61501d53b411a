"""State: what is put is read, what changed is kept as history, what did not change is not touched."""

from __future__ import annotations

import datetime as dt
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, func, select

from dsl.catalog import Catalog
from dsl.datatypes import Money
from engine.store import tables
from engine.store.bulk import among
from engine.store.session import Store
from engine.store.state import Row, customer_rows, customer_states, put_customers, put_subscriptions
from engine.store.upsert import SUBSCRIPTIONS, Changes, Staged, upsert

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=2)

ANNA: Row = {
    "customer.id": "anna",
    "customer.first_name": "Anna",
    "customer.country": "DE",
    "customer.date_of_birth": dt.date(2000, 2, 29),
    "customer.interests": frozenset({"sport", "film"}),
    "customer.marketing_ok": True,
    "customer.satisfaction": 7.5,
    "customer.tags": frozenset({"vip"}),
}
BASIC: Row = {
    "subscription.id": "s1",
    "customer.id": "anna",
    "subscription.plan": "basic",
    "subscription.status": "active",
    "subscription.started_on": dt.date(2025, 1, 31),
    "subscription.mrr": Money(2999, "EUR"),
    "subscription.seats": 3,
    "subscription.addons": frozenset({"backup"}),
}


def put(
    store: Store, shop: Catalog, people: list[Row], held: list[Row], now: dt.datetime = NOW
) -> tuple[Changes, Changes]:
    with store.write() as connection:
        return put_customers(connection, shop, people, now), put_subscriptions(connection, shop, held, now)


def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(table))]


def test_what_is_put_is_read(store: Store, shop: Catalog) -> None:
    put(store, shop, [ANNA], [BASIC, BASIC | {"subscription.id": "s2", "subscription.currency": "USD"}])
    with store.read() as connection:
        state = customer_rows(connection, shop, "anna")
        assert customer_rows(connection, shop, "nobody") is None
    assert state is not None
    assert state.customer == ANNA
    held = {name: value for name, value in BASIC.items() if name != "customer.id"}
    assert state.subscriptions == (
        held | {"subscription.currency": "EUR"},
        held | {"subscription.id": "s2", "subscription.currency": "USD"},
    )
    assert (state.id, state.zone) == ("anna", "Europe/Berlin")


def test_a_customer_without_subscription_has_none(store: Store, shop: Catalog) -> None:
    put(store, shop, [{"customer.id": "bob"}], [])
    with store.read() as connection:
        state = customer_rows(connection, shop, "bob")
    assert state is not None
    assert state.subscriptions == ()
    assert state.customer == {"customer.id": "bob", "customer.tags": frozenset()}


def test_many_are_read_at_once(store: Store, shop: Catalog) -> None:
    people: list[Row] = [{"customer.id": f"c{number}"} for number in range(500)]
    held: list[Row] = [{"customer.id": f"c{number}", "subscription.id": f"s{number}"} for number in range(0, 500, 2)]
    put(store, shop, people, held)
    wanted = [f"c{number}" for number in range(0, 500, 5)]
    with store.read() as connection:
        states = customer_states(connection, shop, [*wanted, "nobody"])
        for key in wanted:
            assert states[key] == customer_rows(connection, shop, key)
    assert states.keys() == set(wanted)


def test_putting_the_same_again_changes_nothing(store: Store, shop: Catalog) -> None:
    assert put(store, shop, [ANNA], [BASIC]) == (Changes(new=1, zones_missing=1), Changes(new=1))
    before = {table.name: rows(store, table) for table in tables.metadata.sorted_tables}
    assert put(store, shop, [ANNA], [BASIC], LATER) == (Changes(unchanged=1), Changes(unchanged=1))
    assert {table.name: rows(store, table) for table in tables.metadata.sorted_tables} == before


def test_a_change_appends_the_version_before(store: Store, shop: Catalog) -> None:
    put(store, shop, [ANNA], [BASIC])
    upgraded = BASIC | {"subscription.plan": "premium", "subscription.addons": frozenset()}
    assert put(store, shop, [ANNA], [upgraded], LATER) == (Changes(unchanged=1), Changes(changed=1))
    (current,) = rows(store, tables.subscriptions)
    (before,) = rows(store, tables.subscriptions_history)
    assert (current["attributes"]["plan"], current["addons"]) == ("premium", [])
    assert (current["valid_from"], current["recorded_at"]) == (LATER, LATER)
    assert (before["id"], before["attributes"]["plan"], before["addons"]) == ("s1", "basic", ["backup"])
    assert (before["valid_from"], before["recorded_at"], before["valid_to"]) == (NOW, NOW, LATER)
    assert rows(store, tables.customers_history) == []


def test_dates_are_kept_apart_and_follow_changes(store: Store, shop: Catalog) -> None:
    put(store, shop, [ANNA], [BASIC])

    def kept() -> set[tuple[Any, ...]]:
        found = rows(store, tables.dates)
        return {tuple(row[name] for name in ("owner", "attribute", "subject", "date")) for row in found}

    birthday = ("customer", "date_of_birth", "anna", dt.date(2000, 2, 29))
    assert kept() == {birthday, ("subscription", "started_on", "s1", dt.date(2025, 1, 31))}
    moved = {name: value for name, value in BASIC.items() if name != "subscription.started_on"}
    put(store, shop, [ANNA], [moved | {"subscription.renews_on": dt.date(2026, 4, 30)}], LATER)
    assert kept() == {birthday, ("subscription", "renews_on", "s1", dt.date(2026, 4, 30))}
    for row in rows(store, tables.dates):
        day = row["date"]
        assert (row["month"], row["day"], row["weekday"]) == (day.month, day.day, day.weekday())


@pytest.mark.parametrize(
    ("timezone", "country", "zone", "missing", "invalid"),
    [
        ("Asia/Tokyo", "DE", "Asia/Tokyo", 0, 0),
        (None, "DE", "Europe/Berlin", 1, 0),
        ("Mars/Olympus", "JP", "Asia/Tokyo", 0, 1),
        ("../etc/passwd", None, "America/New_York", 0, 1),
        (None, "US", "America/New_York", 1, 0),
        (None, None, "America/New_York", 1, 0),
    ],
)
def test_the_time_zone_falls_back(
    store: Store, shop: Catalog, timezone: str | None, country: str | None, zone: str, missing: int, invalid: int
) -> None:
    said = {"customer.timezone": timezone, "customer.country": country}
    person: Row = {"customer.id": "c"} | {name: value for name, value in said.items() if value is not None}
    changes, _ = put(store, shop, [person], [])
    assert changes == Changes(new=1, zones_missing=missing, zones_invalid=invalid)
    (row,) = rows(store, tables.customers)
    assert (row["timezone"], row["zone"]) == (timezone, zone)


def test_the_shard_never_changes(store: Store, shop: Catalog) -> None:
    put(store, shop, [{"customer.id": f"c{number}"} for number in range(200)], [])
    found = rows(store, tables.customers)
    assert {row["shard"] for row in found} == set(range(tables.SHARDS))
    assert all(row["shard"] == zlib.crc32(row["id"].encode()) % 16 for row in found)


def test_an_undeclared_key_is_a_mistake_of_the_caller(store: Store, shop: Catalog) -> None:
    with pytest.raises(ValueError, match=r"customer\.contry"):
        put(store, shop, [{"customer.id": "c", "customer.contry": "DE"}], [])


def test_a_source_that_speaks_of_little_leaves_the_rest(store: Store, shop: Catalog) -> None:
    put(store, shop, [ANNA], [BASIC])
    given = {"customer_id": ["anna"], "currency": ["USD"], "addons": ["[]"]}
    staged = Staged(["s1"], given, ['{"seats":4}'], frozenset({"seats", "autopay"}))
    with store.write() as connection:
        assert upsert(connection, shop, SUBSCRIPTIONS, staged, LATER).changed == 1
        state = customer_rows(connection, shop, "anna")
    assert state is not None
    (held,) = state.subscriptions
    expected = dict(BASIC) | {"subscription.seats": 4, "subscription.currency": "EUR"}
    assert held == {name: value for name, value in expected.items() if name != "customer.id"}


def test_ids_of_any_number_travel_as_one_parameter(store: Store, shop: Catalog) -> None:
    put(store, shop, [{"customer.id": f"c'\"{number}é"} for number in range(100)], [])
    wanted = [f"c'\"{number}é" for number in range(50, 40_000)]
    query = select(func.count()).select_from(tables.customers)
    with store.read() as connection:
        assert connection.execute(query.where(among(connection, tables.customers.c.id, wanted))).scalar() == 50
        assert connection.execute(query.where(among(connection, tables.customers.c.id, []))).scalar() == 0


def test_the_same_customer_from_many_sides_at_once(store: Store, shop: Catalog) -> None:
    def one_side(number: int) -> Changes:
        with store.write() as connection:
            row: Row = {"customer.id": "c", "customer.satisfaction": float(number)}
            return put_customers(connection, shop, [row], NOW + dt.timedelta(hours=number))

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one_side, range(8)))
    assert sum(one.new for one in done) == 1
    assert sum(one.changed for one in done) == 7
    assert len(rows(store, tables.customers_history)) == 7


states = st.fixed_dictionaries(
    {"customer.id": st.just("c")},
    optional={
        "customer.first_name": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
        "customer.country": st.sampled_from(["US", "DE", "NO"]),
        "customer.date_of_birth": st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
        "customer.interests": st.frozensets(st.sampled_from(["sport", "music"])),
        "customer.marketing_ok": st.booleans(),
        "customer.satisfaction": st.floats(allow_nan=False, allow_infinity=False),
        "customer.tags": st.frozensets(st.sampled_from(["a", "b"])),
    },
)


@given(st.lists(states, min_size=1, max_size=4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_history_is_every_version_in_turn(store: Store, shop: Catalog, versions: list[Row]) -> None:
    """Independent oracle: the list of distinct consecutive versions."""
    with store.write() as connection:
        for table in (tables.dates, tables.customers_history, tables.customers):
            connection.execute(table.delete())
        for number, version in enumerate(versions):
            put_customers(connection, shop, [version], NOW + dt.timedelta(hours=number))
            state = customer_rows(connection, shop, "c")
            assert state is not None
            assert state.customer == {"customer.tags": frozenset()} | version
        told = [{"customer.tags": frozenset()} | version for version in versions]
        distinct = [one for at, one in enumerate(told) if at == 0 or one != told[at - 1]]
        kept = select(func.count()).select_from(tables.customers_history)
        assert connection.execute(kept).scalar() == len(distinct) - 1
