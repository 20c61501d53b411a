"""The list of those who are never to be written to: customers by id, addresses by their hash."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from engine.store.bulk import among
from engine.store.inserts import insert
from engine.store.tables import suppressions

EVERY_CHANNEL = ""


def address_key(address: str) -> str:
    """How an address stands on the list: SHA-256 (hex) of it in lower case, without spaces around it."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def suppress_customer(
    connection: sa.Connection, customer_id: str, reason: str, now: dt.datetime, channel: str = EVERY_CHANNEL
) -> None:
    """Puts a customer on the list; of one who is there only the reason changes."""
    _put(connection, "customer", customer_id, channel, reason, now)


def suppress_address(
    connection: sa.Connection, address: str, reason: str, now: dt.datetime, channel: str = EVERY_CHANNEL
) -> None:
    """The same for an address, which itself is not kept."""
    _put(connection, "address", address_key(address), channel, reason, now)


def suppressed_customers(connection: sa.Connection, customers: Sequence[str]) -> dict[str, frozenset[str]]:
    """The channels that are closed to each of these customers; `EVERY_CHANNEL` for all of them."""
    return _channels(connection, "customer", customers)


def suppressed_addresses(connection: sa.Connection, addresses: Sequence[str]) -> dict[str, frozenset[str]]:
    """The same by address, as it was given."""
    closed = _channels(connection, "address", [address_key(each) for each in addresses])
    return {each: closed[key] for each in addresses if (key := address_key(each)) in closed}


def _put(connection: sa.Connection, kind: str, who: str, channel: str, reason: str, now: dt.datetime) -> None:
    statement = insert(connection, suppressions).values(kind=kind, who=who, channel=channel, reason=reason, at=now)
    key = [column.name for column in suppressions.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_={"reason": reason}))


def _channels(connection: sa.Connection, kind: str, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    listed = suppressions.c.kind == kind, among(connection, suppressions.c.who, keys)
    found: dict[str, set[str]] = defaultdict(set)
    for who, channel in connection.execute(sa.select(suppressions.c.who, suppressions.c.channel).where(*listed)):
        found[who].add(channel)
    return {who: frozenset(channels) for who, channels in found.items()}
