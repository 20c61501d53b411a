"""The past of a group of customers as tables of a small database in memory.

So what rules ask of it, and what was decided before, is asked by the very queries of a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.distributed.work import Answers
from engine.store.bulk import insert_rows
from engine.store.documents import dump
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
ASSIGNMENT, SUPPRESSION = "assignment", "suppression"

PAST = pa.schema(
    [
        ("kind", pa.string()),  # event | decision | reading | delay | offer | assignment | suppression
        ("customer.id", pa.string()),
        ("subscription.id", pa.string()),
        ("moment", pa.string()),  # the meter of a reading, the experiment of an assignment, a channel that is closed
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
        ("result", pa.string()),  # of an offer its state, of an assignment the arm
        ("reason", pa.string()),
        ("offer", pa.string()),
        ("channels", pa.list_(pa.string())),
        ("slot", pa.int64()),
        ("withheld", pa.bool_()),  # nothing of what was decided may be sent
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
    **{name: name for name in ("id", "rule", "moment", "offset", "subject", "occurrence", "result", "reason", "offer")},
    "slot": "slot",
    "customer_id": "customer.id",
    "channels": "channels",
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
_ASSIGNMENTS = {"experiment": "moment", "customer_id": "customer.id", "arm": "result", "assigned_at": "=0001-01-01"}
_SUPPRESSIONS = {
    "kind": "=customer",
    "who": "customer.id",
    "channel": "moment",
    "reason": "=",
    "at": "=0001-01-01",
}
_WITHHELD = {
    "decision_id": "id",
    "channel": "=",
    "customer_id": "customer.id",
    "state": "=withheld",
    "due_at": "at",
    "attempts": "=0",
    "content": "={}",
}
_DECLINED = {"offer_id": "id", "state": "result", "at": "at", "by": "="}
_TABLES: tuple[tuple[str, sa.Table, Mapping[str, str], Mapping[str, Any]], ...] = (
    (EVENT, events, _EVENTS, {}),
    (DECISION, decisions, _DECISIONS, {}),
    (DECISION, deliveries, _WITHHELD, {"withheld": True}),
    (READING, readings, _READINGS, {}),
    (DELAY, delayed, _DELAYED, {}),
    (OFFER, offers, _OFFERS, {}),
    (OFFER, offer_changes, _DECLINED, {"result": "declined"}),
    (ASSIGNMENT, assignments, _ASSIGNMENTS, {}),
    (SUPPRESSION, suppressions, _SUPPRESSIONS, {}),
)
"""A kind of rows, those of them that have some values, and where they go."""

_WRITTEN = (customers, subscriptions, exposures, offer_counts)
"""Of no kind: put in otherwise, or written when deciding."""


@contextmanager
def at_hand(past: pa.Table, answers: Sequence[Answers] = ()) -> Iterator[sa.Connection]:
    """A connection that sees these rows (`PAST`) in the tables that deciding asks, and what became of offers.

    There are tables of customers and subscriptions too, still empty (`people`).
    """
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection, tables=[*_WRITTEN, *(table for _, table, _, _ in _TABLES)])
        for kind, table, columns, values in _TABLES:
            mine = past.filter(pc.equal(past["kind"], kind))
            for name, value in values.items():
                mine = mine.filter(pc.fill_null(pc.equal(mine[name], value), False))
            if mine.num_rows:
                insert_rows(connection, table, list(columns), _rows(mine, list(columns.values())))
        insert_rows(connection, offer_counts, [column.name for column in offer_counts.c], answers)
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
    if pa.types.is_list(column.type):
        return [dump(value or []) for value in values]
    if not is_filled:
        return values
    return [(str(n) if text == "#" else text) if value is None else value for n, value in enumerate(values)]
