"""The past of a group of customers as tables of a small database in memory.

So what rules ask of it, and what was decided before, is asked by the very queries of a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.store.bulk import insert_rows
from engine.store.tables import (
    assignments,
    customers,
    decisions,
    delayed,
    deliveries,
    events,
    exposures,
    metadata,
    offer_changes,
    offer_counts,
    offers,
    readings,
    subscriptions,
    suppressions,
)

EVENT, DECISION, READING, DELAY, OFFER = "event", "decision", "reading", "delay", "offer"

PAST = pa.schema(
    [
        ("kind", pa.string()),  # event | decision | reading | delay | offer
        ("customer.id", pa.string()),
        ("subscription.id", pa.string()),
        ("moment", pa.string()),  # the meter of a reading
        ("at", pa.timestamp("us", "UTC")),
        ("properties", pa.string()),
        ("used", pa.float64()),
        ("source", pa.string()),  # of an event that is to be met, as are its state and its id
        ("state", pa.string()),
        ("id", pa.string()),
        ("rule", pa.string()),
        ("offset", pa.int64()),
        ("subject", pa.string()),
        ("occurrence", pa.string()),
        ("result", pa.string()),  # of an offer its state
        ("offer", pa.string()),
        ("slot", pa.int64()),
        ("until", pa.timestamp("us", "UTC")),
    ]
)
"""One table for all kinds: what a kind does not have is null."""

# For each table: its column, and the column of PAST; behind `=` the text that stands where it is null, or for what
# nobody asks.
_EVENTS = {
    "source": "source=",
    "id": "id=#",
    "moment": "moment",
    "customer_id": "customer.id",
    "subscription_id": "subscription.id",
    "occurred_at": "at",
    "recorded_at": "at",
    "properties": "properties",
    "digest": "=",
    "state": "state=history",
}
_DECISIONS = {
    **{name: name for name in ("id", "rule", "moment", "offset", "subject", "occurrence", "result", "offer", "slot")},
    "customer_id": "customer.id",
    "channels": "=[]",
    "local_date": "=0001-01-01",
    "due_at": "at",
    "decided_at": "at",
    "ruleset": "=",
}
_READINGS = {
    "subscription_id": "subscription.id",
    "meter": "moment",
    "read_at": "at",
    "used": "used",
    "recorded_at": "at",
}
_DELAYED = {"source": "source", "event_id": "id", "offset": "offset", "state": "=decided", "decided_at": "at"}
_OFFERS = {
    "id": "id",
    "rule": "=",
    "product": "offer",
    "customer_id": "customer.id",
    "subscription_id": "subscription.id",
    "segment": "=",
    "discount": "=0",
    "quote": "={}",
    "basis": "={}",
    "made_at": "at",
    "expires_at": "until",
    "state": "result",
    "state_at": "at",
}
_TABLES = (
    (EVENT, events, _EVENTS),
    (DECISION, decisions, _DECISIONS),
    (READING, readings, _READINGS),
    (DELAY, delayed, _DELAYED),
    (OFFER, offers, _OFFERS),
)
_EMPTY = (assignments, deliveries, exposures, offer_changes, offer_counts, suppressions)
"""Asked or written when deciding, and not known on other machines."""


@contextmanager
def at_hand(past: pa.Table) -> Iterator[sa.Connection]:
    """A connection that sees these rows (`PAST`) in the tables that deciding asks.

    There are tables of customers and subscriptions too, still empty (`people`).
    """
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        known = (customers, subscriptions, *(table for _, table, _ in _TABLES), *_EMPTY)
        metadata.create_all(connection, tables=known)
        for kind, table, columns in _TABLES:
            mine = past.filter(pc.equal(past["kind"], kind))
            if mine.num_rows:
                insert_rows(connection, table, list(columns), _rows(mine, list(columns.values())))
        yield connection
    engine.dispose()


def _rows(table: pa.Table, sources: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(_values(table, source) for source in sources), strict=True)


def _values(table: pa.Table, asked: str) -> Sequence[Any]:
    source, is_filled, text = asked.partition("=")
    if not source:
        return [text] * table.num_rows
    column = table[source]
    if pa.types.is_timestamp(column.type):
        column = pc.strftime(column.cast(pa.timestamp("us", "UTC")), "%Y-%m-%d %H:%M:%S")  # with microseconds
    values: list[Any] = column.to_pylist()
    if not is_filled:
        return values
    return [(str(n) if text == "#" else text) if value is None else value for n, value in enumerate(values)]
