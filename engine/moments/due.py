"""Due sets: who has an occurrence of a scheduled moment on a local day (design decision 10).

The database only compares indexed columns with constants that `calendar.anchors` worked out; what it lets through is
decided exactly, in Python, by `occurrence_key`. An offset shifts the constant: `7 days before renewal` on the 1st is a
renewal on the 8th, and keeps that renewal's name. Only the columns that rules read are decoded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, false, null, or_, select

from dsl.catalog import Catalog, Moment, MomentKind, Owner, Recurs
from dsl.typed import Attribute, MomentUse
from engine.moments.calendar import BILLING_MONTHS, Anchors, anchors, due_instant, interval_of, occurrence_key
from engine.moments.subjects import Occurrence, Statuses, beside, concerned, concerns, key_columns
from engine.store.bulk import among
from engine.store.columns import raw_columns, read_columns
from engine.store.tables import customers, dates, subscriptions


@dataclass(frozen=True, slots=True)
class GateCounts:
    """Subjects with an occurrence on the day: `before` the moment's `while:` and `after` it.

    `without_interval` are subscriptions that would have one if they were billed by the month, but whose billing
    interval is not known; they have no anniversary.
    """

    before: int
    after: int
    without_interval: int


def due_batch(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    day: dt.date,
    zones: Collection[str] | None,
    shard: int | None,
    attributes: Sequence[Attribute],
    *,
    only: Sequence[str] | None = None,
) -> pa.Table:
    """The occurrences on local date `day` as a batch, by customer, then subscription.

    `zones`, `shard` and `only` (ids) narrow the customers (None: all). Columns: `subjects.SCHEMA`, then attributes'.
    """
    gate = _gate(catalog, use, day)
    statement = gate.select(raw_columns(attributes), zones, shard).where(gate.passes_while())
    if only is not None:
        statement = statement.where(among(connection, customers.c.id, only))
    statement = statement.order_by(customers.c.id, subscriptions.c.id)
    found = [(row, key) for row in connection.execute(statement) if (key := gate.key(row.anchor, row.interval))]
    instant = lru_cache(None)(lambda zone: due_instant(day, catalog.policies.send_at, zone))
    occurrences = (
        Occurrence(use.moment, use.distance, gate.owner, row.whose, row.which, key, row.zone, instant(row.zone))
        for row, key in found
    )
    return beside(key_columns(occurrences), read_columns([row for row, _ in found], attributes))


def gate_counts(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    day: dt.date,
    zones: Collection[str] | None = None,
    shard: int | None = None,
) -> GateCounts:
    """How many subjects have an occurrence on local date `day`, before and after the moment's `while:`."""
    gate = _gate(catalog, use, day)
    before, after, without = set(), set(), set()
    for row in connection.execute(gate.select([subscriptions.c.status], zones, shard)):
        subject = row.which if gate.owner is Owner.SUBSCRIPTION else row.whose
        if gate.key(row.anchor, row.interval):
            before.add(subject)
            if row.which is None or concerns(gate.statuses, row.status):
                after.add(subject)
        elif gate.by_billing and row.interval is None and gate.key(row.anchor, "month"):
            without.add(row.which)
    return GateCounts(len(before), len(after), len(without))


# --- what a moment asks of the database ------------------------------------------------------------------------------

_INTERVAL: ColumnElement[Any] = subscriptions.c.attributes["billing_interval"].as_string()

_EVERYBODY = customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id)
_OF_CUSTOMERS = dates.join(customers, customers.c.id == dates.c.subject).outerjoin(
    subscriptions, subscriptions.c.customer_id == customers.c.id
)
_OF_SUBSCRIPTIONS = dates.join(subscriptions, subscriptions.c.id == dates.c.subject).join(
    customers, customers.c.id == subscriptions.c.customer_id
)


@dataclass(frozen=True, slots=True)
class _Gate:
    """Who may be due: the tables and constants to ask, and the occurrence's name by anchor and billing interval."""

    owner: Owner
    statuses: Statuses
    source: FromClause
    conditions: Sequence[ColumnElement[bool]]
    key: Callable[[dt.date | None, str | None], str | None]
    anchored: bool = True
    by_billing: bool = False

    def select(
        self, columns: Sequence[ColumnElement[Any]], zones: Collection[str] | None, shard: int | None
    ) -> Select[Any]:
        """`whose`, `which`, `zone`, `anchor` and `interval` of everyone who may be due, and more columns."""
        mine = [
            customers.c.id.label("whose"),
            subscriptions.c.id.label("which"),
            customers.c.zone.label("zone"),
            (dates.c.date if self.anchored else null()).label("anchor"),
            (_INTERVAL if self.by_billing else null()).label("interval"),
        ]
        statement = select(*mine, *columns).select_from(self.source).where(*self.conditions)
        if zones is not None:
            statement = statement.where(customers.c.zone.in_(sorted(zones)))
        return statement if shard is None else statement.where(customers.c.shard == shard)

    def passes_while(self) -> ColumnElement[bool]:
        """The subscription is concerned; a customer without any stays."""
        passes = concerned(self.statuses)
        return passes if self.owner is Owner.SUBSCRIPTION else or_(subscriptions.c.id.is_(None), passes)


def _gate(catalog: Catalog, use: MomentUse, day: dt.date) -> _Gate:
    on = day - dt.timedelta(days=use.offset)
    if use.date is not None:
        name = use.moment if use.date == on else None
        conditions = [] if name else [false()]
        return _Gate(Owner.CUSTOMER, None, _EVERYBODY, conditions, lambda _, __: name, anchored=False)
    moment = catalog.moments[use.moment]
    key = lru_cache(None)(lambda anchor, interval: occurrence_key(moment, anchor, interval, on))
    source = _OF_SUBSCRIPTIONS if moment.owner is Owner.SUBSCRIPTION else _OF_CUSTOMERS
    whose = [dates.c.owner == str(moment.owner), dates.c.attribute == moment.attribute]
    by_billing = moment.recurs is Recurs.BILLING_INTERVAL
    return _Gate(moment.owner, moment.statuses, source, whose + _anchored(moment, on), key, by_billing=by_billing)


def _anchored(moment: Moment, on: dt.date) -> list[ColumnElement[bool]]:
    """The comparisons that every anchor with an occurrence on `on` passes."""
    if moment.recurs is not Recurs.BILLING_INTERVAL:
        interval = None if moment.kind is MomentKind.DATED else interval_of(moment, None)
        return _comparisons(anchors(moment, interval, on))
    asked = [anchors(moment, interval_of(moment, name), on) for name in BILLING_MONTHS]
    days = {day for one in asked for day in (*(one.days or ()), *(day for _, day in one.month_days or ()))}
    return [dates.c.day.in_(sorted(days))]


def _comparisons(asked: Anchors) -> list[ColumnElement[bool]]:
    """Constants as comparisons with the columns of `dates`."""
    found: list[ColumnElement[bool]] = []
    if asked.on is not None:
        found.append(dates.c.date == asked.on)
    if asked.weekday is not None:
        found.append(dates.c.weekday == asked.weekday)
    if asked.days is not None:
        found.append(dates.c.day.in_(asked.days))
    if asked.months is not None:
        found.append(dates.c.month.in_(asked.months))
    if asked.month_days is not None:
        found.append(dates.c.day.in_(sorted({day for _, day in asked.month_days})))
        found.append(or_(*(and_(dates.c.month == month, dates.c.day == day) for month, day in asked.month_days)))
    return found
