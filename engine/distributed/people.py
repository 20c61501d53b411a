"""Customers and subscriptions of a group in tables of the database in memory, for what events ask of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from dsl.catalog import BUILT_IN, Owner
from dsl.datatypes import Kind, Value
from dsl.typed import Attribute
from engine.decisions.ledger import TagChange
from engine.store.documents import encode
from engine.store.inserts import insert_values
from engine.store.rows import rows_of
from engine.store.tables import customers, subscriptions
from engine.store.zones import shard_of

_KNOWN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Stands for when a version was told, which no rule asks."""


def put_people(connection: sa.Connection, pairs: pa.Table, attributes: Sequence[Attribute], ids: Iterable[str]) -> None:
    """Put those of the pairs' customers in that have these ids, with what rules read of them."""
    mine = pairs.filter(pc.is_in(pairs["customer.id"], pa.array(sorted(ids), pa.string())))
    rows = rows_of(mine, attributes)
    own = mine.select(["customer.id", "subscription.id", "zone", "status"]).to_pylist()
    people = {each["customer.id"]: _customer(each, row, attributes) for each, row in zip(own, rows, strict=True)}
    insert_values(connection, customers, list(people.values()))
    held = zip(own, rows, strict=True)
    insert_values(
        connection,
        subscriptions,
        [_subscription(each, row, attributes) for each, row in held if each["subscription.id"] is not None],
    )


def retag(connection: sa.Connection, changes: Sequence[TagChange]) -> None:
    """Put on and take off tags of those who are there."""
    for customer, tag, add in changes:
        mine = customers.c.id == customer
        tags = connection.scalar(sa.select(customers.c.tags).where(mine))
        if tags is not None:
            left = {*tags, tag} if add else {*tags} - {tag}
            connection.execute(customers.update().where(mine).values(tags=sorted(left)))


def _customer(own: Mapping[str, Any], row: Mapping[str, Value], attributes: Sequence[Attribute]) -> dict[str, Any]:
    return {
        "id": own["customer.id"],
        "timezone": row.get("customer.timezone"),
        "zone": own["zone"],
        "shard": shard_of(own["customer.id"]),
        "tags": _list(row.get("customer.tags")),
        "attributes": _document(Owner.CUSTOMER, row, attributes),
        "valid_from": _KNOWN,
        "recorded_at": _KNOWN,
    }


def _subscription(own: Mapping[str, Any], row: Mapping[str, Value], attributes: Sequence[Attribute]) -> dict[str, Any]:
    return {
        "id": own["subscription.id"],
        "customer_id": own["customer.id"],
        "status": own["status"],
        "currency": row.get("subscription.currency", ""),
        "addons": _list(row.get("subscription.addons")),
        "attributes": _document(Owner.SUBSCRIPTION, row, attributes),
        "valid_from": _KNOWN,
        "recorded_at": _KNOWN,
    }


def _document(owner: Owner, row: Mapping[str, Value], attributes: Sequence[Attribute]) -> dict[str, Any]:
    mine = (one for one in attributes if one.owner is owner and one.name not in BUILT_IN[owner])
    stored = (one for one in mine if one.key in row and one.type.kind is not Kind.ELAPSED)
    return {one.name: encode(one.type, row[one.key]) for one in stored}


def _list(value: Value | None) -> list[str]:
    return sorted(value) if isinstance(value, frozenset) else []
