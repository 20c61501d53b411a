"""Columns from raw documents: the same values as decoding row by row gives."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind, Money, Value
from dsl.typed import Attribute
from engine.store.columns import PERCENT_SCALE, raw_columns, read_columns, read_documents
from engine.store.documents import dump, encode
from engine.store.session import Store
from engine.store.state import Row, customer_states, put_customers, put_subscriptions
from engine.store.tables import customers, subscriptions

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.just('"mrr":[1,"USD"],\\')
TYPES = {
    "name": DataType(Kind.TEXT),
    "score": DataType(Kind.NUMBER),
    "seats": DataType(Kind.COUNT),
    "autopay": DataType(Kind.FLAG),
    "born": DataType(Kind.DATE),
    "mrr": DataType(Kind.MONEY),
    "rate": DataType(Kind.PERCENT),
    "likes": DataType(Kind.SET),
}
rows = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "score": st.floats(allow_nan=False, allow_infinity=False),
        "seats": st.integers(-(2**63), 2**63 - 1),
        "autopay": st.booleans(),
        "born": st.dates(),
        "mrr": st.builds(Money, st.integers(-(2**63), 2**63 - 1), st.sampled_from(["USD", "EUR"])),
        "rate": st.decimals(-1000, 1000, places=6),
        "likes": st.frozensets(texts, max_size=3),
    },
)


def flat(value: Value | None, kind: Kind) -> object:
    """What a batch has for a value."""
    if isinstance(value, frozenset):
        return sorted(value)
    if kind is Kind.PERCENT and isinstance(value, Decimal):
        return int(value * PERCENT_SCALE)
    return value


@given(st.lists(st.none() | rows, max_size=6))
@settings(deadline=None)
def test_documents_become_columns(documents: list[dict[str, Value] | None]) -> None:
    raw = [
        None if one is None else dump({name: encode(TYPES[name], value) for name, value in one.items()})
        for one in documents
    ]
    table = read_documents(pa.array(raw, pa.large_string()), TYPES)
    assert table.num_rows == len(documents)
    for name, data_type in TYPES.items():
        values = [(one or {}).get(name) for one in documents]
        if data_type.kind is Kind.MONEY:
            assert table[name].to_pylist() == [one.minor if isinstance(one, Money) else None for one in values]
            currencies = table[f"{name}.currency"].to_pylist()
            assert currencies == [one.currency if isinstance(one, Money) else None for one in values]
        else:
            assert table[name].to_pylist() == [flat(value, data_type.kind) for value in values]


def test_the_types_of_a_batch() -> None:
    for documents in ([], ["{}"]):
        schema = read_documents(pa.array(documents, pa.large_string()), TYPES).schema
        assert {name: str(schema.field(name).type) for name in schema.names} == {
            "name": "string",
            "score": "double",
            "seats": "int64",
            "autopay": "bool",
            "born": "date32[day]",
            "mrr": "int64",
            "mrr.currency": "string",
            "rate": "int64",
            "likes": "list<item: string>",
        }


def attributes(shop: Catalog) -> list[Attribute]:
    declared = [*shop.customer.values(), *shop.subscription.values()]
    built_in = [
        Attribute(Owner.CUSTOMER, "id", DataType(Kind.TEXT)),
        Attribute(Owner.CUSTOMER, "timezone", DataType(Kind.TEXT)),
        Attribute(Owner.CUSTOMER, "tags", DataType(Kind.SET)),
        Attribute(Owner.SUBSCRIPTION, "id", DataType(Kind.TEXT)),
        Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT)),
        Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET)),
    ]
    return [*built_in, *(Attribute(one.owner, one.name, one.type) for one in declared)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_columns_equal_rows(store: Store, shop: Catalog, data: st.DataObject) -> None:
    """Two ways from the store to values: Arrow's reader, and decoding document by document."""
    people: list[Row] = [
        {"customer.id": f"c{number}"}
        | data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "customer.first_name": texts,
                    "customer.timezone": st.sampled_from(["Asia/Tokyo", "Mars"]),
                    "customer.tags": st.frozensets(texts, max_size=2),
                    "customer.date_of_birth": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
                    "customer.satisfaction": st.floats(allow_nan=False, allow_infinity=False),
                },
            )
        )
        for number in range(4)
    ]
    held: list[Row] = [
        {"customer.id": f"c{number}", "subscription.id": f"s{number}"}
        | data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "subscription.mrr": st.builds(Money, st.integers(-(2**63), 2**63 - 1), st.just("JPY")),
                    "subscription.discount": st.decimals(0, 100, places=3),
                    "subscription.addons": st.frozensets(st.sampled_from(["backup", "storage_plus"])),
                    "subscription.seats": st.integers(0, 2**63 - 1),
                },
            )
        )
        for number in range(3)
    ]
    wanted = attributes(shop)
    joined = customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id)
    with store.write() as connection:
        put_customers(connection, shop, people, NOW)
        put_subscriptions(connection, shop, held, NOW)
        found = connection.execute(select(*raw_columns(wanted)).select_from(joined).order_by(customers.c.id)).all()
        states = customer_states(connection, shop, [f"c{number}" for number in range(4)])
    table = read_columns(found, wanted)
    expected = [dict(states[f"c{n}"].customer) | dict(*states[f"c{n}"].subscriptions) for n in range(4)]
    for one in wanted:
        if one.type.kind is Kind.ELAPSED:
            assert one.key not in table.column_names
        elif one.type.kind is Kind.MONEY:
            pairs = zip(table[one.key].to_pylist(), table[f"{one.key}.currency"].to_pylist(), strict=True)
            assert [row.get(one.key) for row in expected] == [
                None if minor is None else Money(minor, currency) for minor, currency in pairs
            ]
        else:
            assert table[one.key].to_pylist() == [flat(row.get(one.key), one.type.kind) for row in expected], one.key


def test_only_what_is_asked_for_is_read(store: Store, shop: Catalog) -> None:
    plan = Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN))
    page = Attribute(Owner.EVENT, "page", DataType(Kind.TEXT))
    assert [column.name for column in raw_columns([plan, page])] == ["subscription.*"]
    assert read_columns([], [plan]).column_names == ["subscription.plan"]
