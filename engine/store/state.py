"""The state of customers and subscriptions: put with history, read one customer in one indexed query.

A *row* is `Mapping[str, Value]`: `customer.country`, `subscription.plan`, and the built-in `customer.id`,
`customer.timezone` (as given), `customer.tags`, `subscription.id`, `subscription.currency`, `subscription.addons`. An
absent key is a missing value. A row that is put is the whole state: what it does not have, the customer has not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from dsl.catalog import Catalog, Owner
from dsl.datatypes import Kind, Money, Value
from engine.store.bulk import among
from engine.store.currencies import usual_currencies
from engine.store.documents import decode_document, dump, encode_document
from engine.store.tables import customers, subscriptions
from engine.store.upsert import CUSTOMERS, SUBSCRIPTIONS, Changes, Staged, upsert

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CustomerState:
    """One customer as known now: its row, one row a subscription (by id), and the time zone that counts."""

    customer: Row
    subscriptions: tuple[Row, ...]
    zone: str

    @property
    def id(self) -> str:
        return str(self.customer["customer.id"])


# --- putting ---------------------------------------------------------------------------------------------------------


def put_customers(connection: Connection, catalog: Catalog, rows: Iterable[Row], now: dt.datetime) -> Changes:
    """Puts whole customers; ids are distinct. Needs `customer.id`; raises ValueError for an undeclared key."""
    listed = list(rows)
    staged = Staged(
        [str(row["customer.id"]) for row in listed],
        {
            "timezone": [_text(row.get("customer.timezone")) for row in listed],
            "tags": [_list(row.get("customer.tags")) for row in listed],
        },
        _documents(catalog, Owner.CUSTOMER, listed, {"customer.id", "customer.timezone", "customer.tags"}),
    )
    return upsert(connection, catalog, CUSTOMERS, staged, now)


def put_subscriptions(connection: Connection, catalog: Catalog, rows: Iterable[Row], now: dt.datetime) -> Changes:
    """Puts whole subscriptions of known customers; ids are distinct. Needs `subscription.id` and `customer.id`.

    Without `subscription.currency` it is that of the row's first amount of money, else as `currencies` says.
    """
    listed = list(rows)
    built_in = {"customer.id", "subscription.id", "subscription.currency", "subscription.addons"}
    staged = Staged(
        [str(row["subscription.id"]) for row in listed],
        {
            "customer_id": [str(row["customer.id"]) for row in listed],
            "currency": _currencies(connection, catalog, listed),
            "addons": [_list(row.get("subscription.addons")) for row in listed],
        },
        _documents(catalog, Owner.SUBSCRIPTION, listed, built_in),
    )
    return upsert(connection, catalog, SUBSCRIPTIONS, staged, now)


def _documents(catalog: Catalog, owner: Owner, rows: Sequence[Row], built_in: set[str]) -> list[str]:
    types = {one.key: one.type for one in catalog.attributes(owner).values() if one.type.kind is not Kind.ELAPSED}
    start = len(owner) + 1
    documents = []
    for row in rows:
        if unknown := row.keys() - types.keys() - built_in:
            raise ValueError(f"the catalog declares no {min(unknown)}")
        encoded = encode_document(types, row)
        documents.append(dump({key[start:]: value for key, value in encoded.items()}))
    return documents


def _text(value: Value | None) -> str | None:
    return None if value is None else str(value)


def _list(value: Value | None) -> str:
    return dump(sorted(value) if isinstance(value, frozenset) else [])


def _currencies(connection: Connection, catalog: Catalog, rows: Sequence[Row]) -> list[str]:
    found = [_currency(row) for row in rows]
    left = [number for number, currency in enumerate(found) if currency is None]
    if left:
        keys = ([str(rows[number][key]) for number in left] for key in ("subscription.id", "customer.id"))
        for number, usual in zip(left, usual_currencies(connection, catalog, *keys), strict=True):
            found[number] = usual.currency
    return [currency or catalog.currency for currency in found]


def _currency(row: Row) -> str | None:
    if (said := row.get("subscription.currency")) is not None:
        return str(said)
    return next((value.currency for value in row.values() if isinstance(value, Money)), None)


# --- reading ---------------------------------------------------------------------------------------------------------

_COLUMNS = (
    customers.c.id,
    customers.c.timezone,
    customers.c.zone,
    customers.c.tags,
    customers.c.attributes,
    subscriptions.c.id,
    subscriptions.c.currency,
    subscriptions.c.addons,
    subscriptions.c.attributes,
)
_STATES = (
    select(*_COLUMNS)
    .select_from(customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id))
    .order_by(customers.c.id, subscriptions.c.id)
)
_ONE = _STATES.where(customers.c.id == bindparam("customer_id"))


def customer_rows(connection: Connection, catalog: Catalog, customer_id: str) -> CustomerState | None:
    """One customer's state by one indexed query; None where there is no such customer."""
    rows = connection.execute(_ONE, {"customer_id": customer_id}).all()
    return _state(catalog, rows) if rows else None


def customer_states(connection: Connection, catalog: Catalog, ids: Sequence[str]) -> dict[str, CustomerState]:
    """The states of many customers by one query; unknown ids are absent."""
    grouped: dict[str, list[Any]] = {}
    for row in connection.execute(_STATES.where(among(connection, customers.c.id, ids))):
        grouped.setdefault(row[0], []).append(row)
    return {key: _state(catalog, rows) for key, rows in grouped.items()}


def _state(catalog: Catalog, rows: Sequence[Any]) -> CustomerState:
    key, timezone, zone, tags, attributes = rows[0][:5]
    customer = decode_document(catalog.customer, attributes)
    customer["customer.id"] = key
    customer["customer.tags"] = frozenset(tags)
    if timezone is not None:
        customer["customer.timezone"] = timezone
    held = tuple(_subscription(catalog, *row[5:]) for row in rows if row[5] is not None)
    return CustomerState(customer, held, zone)


def _subscription(catalog: Catalog, key: str, currency: str, addons: list[str], attributes: dict[str, Any]) -> Row:
    row = decode_document(catalog.subscription, attributes)
    row["subscription.id"] = key
    row["subscription.currency"] = currency
    row["subscription.addons"] = frozenset(addons)
    return row
