"""Whom the rows of a batch ask about and seen from when, and the same as a table of constants that a query joins."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Text,
    bindparam,
    column,
    func,
    literal,
    null,
)
from sqlalchemy.dialects.postgresql import ARRAY

from dsl.typed import Window
from engine.happenings.spans import Span, span
from engine.store.bulk import instant_text

FEW_SPANS = 16
"""Up to so many different spans are asked one by one."""


class Occasions:
    """The keys of a batch (`moments.subjects.SCHEMA`), a place a row; each distinct instant and zone is met once."""

    def __init__(self, table: pa.Table) -> None:
        self.size: int = table.num_rows
        self.customers: list[str] = table["customer"].to_pylist()
        self.subscriptions: list[str | None] = table["subscription"].to_pylist()
        instants, zones = pc.unique(table["due_at"]), pc.unique(table["zone"])
        keys = pc.index_in(table["due_at"], instants).to_numpy() * len(zones)
        keys = keys.astype(np.int64) + pc.index_in(table["zone"], zones).to_numpy()
        distinct, place = np.unique(keys, return_inverse=True)
        at, zone = instants.to_pylist(), zones.to_pylist()
        self._seen_from = [(at[key // len(zones)], zone[key % len(zones)]) for key in distinct.tolist()]
        self._place = place.tolist()

    def spans(self, window: Window | None) -> list[Span]:
        """The window of each row."""
        distinct = [span(window, at, zone) for at, zone in self._seen_from]
        return [distinct[place] for place in self._place]

    def seen_from(self, row: int) -> tuple[dt.datetime, ZoneInfo]:
        """The instant and the zone of a row."""
        at, zone = self._seen_from[self._place[row]]
        return at, ZoneInfo(zone)


@dataclass(frozen=True, slots=True)
class Asked:
    """A table of constants for some rows of a batch: `row` counts from 0 and stands for the batch's `rows[row]`."""

    table: FromClause
    row: ColumnElement[int]
    customer: ColumnElement[Any]
    subscription: ColumnElement[Any]
    after: ColumnElement[Any]
    upto: ColumnElement[Any]
    rows: Sequence[int]


def ask(connection: Connection, occasions: Occasions, spans: Sequence[Span], *, of_one: bool) -> list[Asked]:
    """The constants of all rows, as parameters of one query or a few; `of_one` where a subscription is asked about.

    On SQLite taking a row's constants out of JSON costs more than the search itself, so rows with one span share it.
    """
    if connection.dialect.name == "postgresql":
        return [_unnested(occasions, spans)]
    by_span: dict[Span, list[int]] = defaultdict(list)
    for row, one in enumerate(spans):
        by_span[one].append(row)
    if len(by_span) > FEW_SPANS:
        return [_listed(occasions, spans)]
    return [_sharing(occasions, one, rows, of_one=of_one) for one, rows in by_span.items()]


def _sharing(occasions: Occasions, one: Span, rows: list[int], *, of_one: bool) -> Asked:
    people: list[Any] = [occasions.customers[row] for row in rows]
    if of_one:
        people = [(customer, occasions.subscriptions[row]) for customer, row in zip(people, rows, strict=True)]
    table = func.json_each(json.dumps(people)).table_valued("key", "value", name="asked")
    after, upto = (literal(instant_text(each), Text) for each in (one.after, one.upto))
    value = table.c.value
    if not of_one:
        return Asked(table, table.c.key, value, null(), after, upto, rows)
    customer, which = (func.json_extract(value, f"$[{number}]") for number in range(2))
    return Asked(table, table.c.key, customer, which, after, upto, rows)


def _listed(occasions: Occasions, spans: Sequence[Span]) -> Asked:
    text = {one: (instant_text(one.after), instant_text(one.upto)) for one in set(spans)}
    people = zip(occasions.customers, occasions.subscriptions, spans, strict=True)
    listed = json.dumps([(customer, which, *text[one]) for customer, which, one in people])
    rows = func.json_each(listed).table_valued("key", "value", name="asked")
    customer, which, after, upto = (func.json_extract(rows.c.value, f"$[{number}]") for number in range(4))
    return Asked(rows, rows.c.key, customer, which, after, upto, range(occasions.size))


def _unnested(occasions: Occasions, spans: Sequence[Span]) -> Asked:
    texts, instants = ARRAY(Text), ARRAY(DateTime(timezone=True))
    rows = (
        func.unnest(
            bindparam(None, occasions.customers, type_=texts),
            bindparam(None, occasions.subscriptions, type_=texts),
            bindparam(None, [one.after for one in spans], type_=instants),
            bindparam(None, [one.upto for one in spans], type_=instants),
        )
        .table_valued(column("customer"), column("which"), column("after"), column("upto"), with_ordinality="place")
        .render_derived(name="asked")
    )
    columns = (rows.c.customer, rows.c.which, rows.c.after, rows.c.upto)
    return Asked(rows, rows.c.place - 1, *columns, range(occasions.size))
