"""A changed catalog: dates and zones are made anew, values that fit no longer are taken out and kept as history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from dsl.catalog import AttributeDeclaration, Catalog, Owner
from dsl.datatypes import DataType, Kind, Money
from engine.store import reindex as room
from engine.store import tables
from engine.store.reindex import catalog_digest, is_indexed, reindex
from engine.store.session import Store
from engine.store.state import Row, customer_states, put_customers, put_subscriptions

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)


def with_customer(catalog: Catalog, **types: DataType | None) -> Catalog:
    changed = dict(catalog.customer)
    for name, one in types.items():
        if one is None:
            del changed[name]
        else:
            changed[name] = AttributeDeclaration(name, Owner.CUSTOMER, one)
    return replace(catalog, customer=changed)


@pytest.fixture
def peopled(store: Store, shop: Catalog) -> Store:
    people: list[Row] = [
        {
            "customer.id": f"c{number:02}",
            "customer.country": ("US", "DE", "NO")[number % 3],
            "customer.date_of_birth": dt.date(1990, 1, number + 1),
        }
        for number in range(12)
    ]
    held: list[Row] = [
        {
            "customer.id": "c00",
            "subscription.id": "s1",
            "subscription.started_on": dt.date(2025, 1, 31),
            "subscription.mrr": Money(5, "USD"),
            "subscription.plan": "basic",
        }
    ]
    with store.write() as connection:
        reindex(connection, shop, NOW)
        put_customers(connection, shop, people, NOW)
        put_subscriptions(connection, shop, held, NOW)
    return store


def snapshot(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=str)
            for table in (tables.dates, tables.customers, tables.subscriptions, tables.customers_history)
        }


def run(store: Store, catalog: Catalog) -> room.Reindexed:
    with store.write() as connection:
        done = reindex(connection, catalog, LATER)
        assert is_indexed(connection, catalog)
    return done


def test_nothing_is_done_for_the_same_catalog(peopled: Store, shop: Catalog) -> None:
    assert run(peopled, shop).rows == 0


def test_only_what_the_store_depends_on_counts(shop: Catalog) -> None:
    assert catalog_digest(replace(shop, channels=("sms",), moments={})) == catalog_digest(shop)
    assert catalog_digest(replace(shop, timezone="Asia/Tokyo")) != catalog_digest(shop)
    assert catalog_digest(with_customer(shop, satisfaction=DataType(Kind.COUNT))) != catalog_digest(shop)


def test_a_rebuild_gives_what_was_there(peopled: Store, shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index made anew in small blocks equals the one that puts maintained."""
    monkeypatch.setattr(room, "BLOCK", 5)
    before = snapshot(peopled)
    assert run(peopled, with_customer(shop, shoe_size=DataType(Kind.NUMBER))).rows == 13
    assert snapshot(peopled) == before


def test_zones_follow_the_catalog(peopled: Store, shop: Catalog) -> None:
    run(peopled, replace(shop, timezone="UTC", country_timezones={"NO": "Europe/Oslo"}))
    with peopled.read() as connection:
        states = customer_states(connection, shop, ["c00", "c01", "c02"])
    assert [states[key].zone for key in ("c00", "c01", "c02")] == ["UTC", "UTC", "Europe/Oslo"]


def test_dates_follow_the_catalog(peopled: Store, shop: Catalog) -> None:
    run(peopled, with_customer(shop, date_of_birth=None))
    assert [row[1:3] for row in snapshot(peopled)["dates"]] == [("started_on", "s1")]
    run(peopled, shop)
    assert len(snapshot(peopled)["dates"]) == 13


def test_values_that_fit_no_longer_are_taken_out_and_kept(peopled: Store, shop: Catalog) -> None:
    smaller = with_customer(shop, country=DataType(Kind.ENUM, ("US", "DE")), date_of_birth=DataType(Kind.COUNT))
    done = run(peopled, smaller)
    assert done.removed == {"customer.country": 4, "customer.date_of_birth": 12}
    with peopled.read() as connection:
        states = customer_states(connection, smaller, ["c00", "c02"])
        history = connection.execute(select(tables.customers_history)).all()
    assert states["c00"].customer["customer.country"] == "US"
    assert "customer.country" not in states["c02"].customer
    assert len(history) == 12
    assert {(row.valid_from, row.valid_to) for row in history} == {(NOW, LATER)}
    assert {row.attributes["country"] for row in history} == {"US", "DE", "NO"}


def test_a_crash_keeps_the_old_index_with_the_old_digest(peopled: Store, shop: Catalog) -> None:
    before = snapshot(peopled)
    other = replace(shop, timezone="Asia/Tokyo")

    def power_cut(rows: int) -> None:
        raise RuntimeError("power cut")

    def interrupted() -> None:
        with peopled.write() as connection:
            reindex(connection, other, LATER, power_cut)

    with pytest.raises(RuntimeError, match="power cut"):
        interrupted()
    assert snapshot(peopled) == before
    with peopled.read() as connection:
        assert is_indexed(connection, shop)
