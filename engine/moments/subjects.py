"""Whom a moment concerns, and the key columns of a batch: one row an (occurrence, subscription) pair.

A moment concerns the subscriptions in its `while:` statuses, by default all that are not cancelled (one without a
status is not). A customer's moment is tried on each of them; a customer without any subscription is tried once, with
subscription attributes missing; a customer all of whose subscriptions are out has no occurrence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import ColumnElement

from dsl.catalog import Owner
from engine.store.tables import subscriptions

CANCELLED = "cancelled"

Statuses = tuple[str, ...] | None
"""As `Moment.statuses`: None is every status but `cancelled`."""


def concerns(statuses: Statuses, status: str | None) -> bool:
    """Whether a subscription of this status is concerned."""
    return status != CANCELLED if statuses is None else status in statuses


def concerned(statuses: Statuses) -> ColumnElement[bool]:
    """The same of a row of `subscriptions`."""
    if statuses is None:
        return subscriptions.c.status.is_distinct_from(CANCELLED)
    return subscriptions.c.status.in_(statuses)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment of one subject, met by one subscription (None: the customer has none)."""

    moment: str
    offset: int
    owner: Owner
    customer: str
    subscription: str | None
    key: str
    zone: str
    due_at: dt.datetime

    @property
    def subject(self) -> str | None:
        """Whose it is: the id of its subscription or customer."""
        return self.subscription if self.owner is Owner.SUBSCRIPTION else self.customer


SCHEMA = pa.schema(
    [
        ("moment", pa.string()),
        ("offset", pa.int32()),
        ("subject", pa.string()),
        ("customer", pa.string()),
        ("subscription", pa.string()),
        ("occurrence", pa.string()),
        ("zone", pa.string()),
        ("due_at", pa.timestamp("us", "UTC")),
    ]
)


def key_columns(occurrences: Iterable[Occurrence]) -> pa.Table:
    """The first columns of a batch."""
    rows = [(o.moment, o.offset, o.subject, o.customer, o.subscription, o.key, o.zone, o.due_at) for o in occurrences]
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def beside(keys: pa.Table, *tables: pa.Table) -> pa.Table:
    """The key columns and the attributes' columns as one batch."""
    for table in tables:
        for name in table.column_names:
            keys = keys.append_column(name, table[name])
    return keys
