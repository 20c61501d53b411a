"""(Customer, subscription or none) pairs with everything that is known of both: the rows of a snapshot.

| column            | type               |                                                                     |
|-------------------|--------------------|---------------------------------------------------------------------|
| `customer.id`     | string             |                                                                     |
| `subscription.id` | string             | null for a customer without any                                     |
| `zone`            | dictionary, string | the one that counts                                                 |
| `status`          | dictionary, string |                                                                     |
| `interval`        | dictionary, string | the billing interval                                                |
| `customer.tags` … |                    | every stored attribute, typed as `columns.read_columns` types it;   |
|                   |                    | enums, plans, add-ons and currencies as dictionaries, int32 codes   |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, select

from dsl.catalog import BUILT_IN, Catalog, Owner
from dsl.datatypes import Kind
from dsl.typed import Attribute
from engine.store.bulk import among
from engine.store.columns import raw_columns, read_columns
from engine.store.tables import customers, subscriptions

INTERVAL: ColumnElement[Any] = subscriptions.c.attributes["billing_interval"].as_string()
"""How often a subscription is billed, as its document says."""

KEYS = ("customer.id", "subscription.id")
OWN = ("zone", "status", "interval")

_CODED = {Kind.ENUM, Kind.PLAN, Kind.ADDON}
_CODES = pa.dictionary(pa.int32(), pa.string())


def stored_attributes(catalog: Catalog) -> tuple[Attribute, ...]:
    """What a snapshot keeps of a catalog: all that is stored, built in or declared, but the ids."""
    found = [
        Attribute(owner, name, kind) for owner, mine in BUILT_IN.items() for name, kind in mine.items() if name != "id"
    ]
    for owner in (Owner.CUSTOMER, Owner.SUBSCRIPTION):
        found += [Attribute(owner, one.name, one.type) for one in catalog.attributes(owner).values()]
    return tuple(one for one in found if one.type.kind is not Kind.ELAPSED)


def read_pairs(connection: Connection, attributes: Iterable[Attribute], ids: Sequence[str]) -> pa.Table:
    """The pairs of some customers with these attributes, by customer, then subscription.

    They are found by the customers' key alone; ids that nobody has give no row.
    """
    attributes = [one for one in attributes if one.key not in KEYS]
    own = (customers.c.zone.label("zone"), subscriptions.c.status.label("status"), INTERVAL.label("interval"))
    statement = (
        select(
            customers.c.id.label(KEYS[0]),
            subscriptions.c.id.label(KEYS[1]),
            *own,
            *raw_columns(attributes),
        )
        .select_from(customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id))
        .where(among(connection, customers.c.id, ids))
    )
    rows = connection.execute(statement).all()
    names = [*KEYS, *OWN]
    first = [*zip(*rows, strict=True)][: len(names)] or [()] * len(names)
    table = pa.table([pa.array(values, pa.string()) for values in first], names)
    columns = read_columns(rows, attributes)
    for name in columns.column_names:
        table = table.append_column(name, columns[name])
    return coded(table, attributes).sort_by([(name, "ascending") for name in KEYS])


def coded(table: pa.Table, attributes: Iterable[Attribute]) -> pa.Table:
    """The table with dictionaries where values repeat."""
    repeat = {one.key for one in attributes if one.type.kind in _CODED}
    repeat |= {f"{one.key}.currency" for one in attributes if one.type.kind is Kind.MONEY}
    for name in (*OWN, "customer.timezone", "subscription.currency", *sorted(repeat)):
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].cast(pa.string()).dictionary_encode().cast(_CODES))
    return table
