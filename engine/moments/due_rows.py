"""Due sets from the database: it compares indexed columns with constants, what it lets through is decided exactly.

This way works on every store, and is what the columnar snapshot is measured by.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Select, Text, and_, cast, false, null, or_, select

from dsl.catalog import Owner
from engine.moments.calendar import Anchors
from engine.moments.gate import Gate, Question
from engine.moments.subjects import concerned
from engine.store.columns import raw_columns, read_columns
from engine.store.snapshot.pairs import INTERVAL
from engine.store.tables import customers, dates, subscriptions

_EVERYBODY = customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id)
_OF_CUSTOMERS = dates.join(customers, customers.c.id == dates.c.subject).outerjoin(
    subscriptions, subscriptions.c.customer_id == customers.c.id
)
_OF_SUBSCRIPTIONS = dates.join(subscriptions, subscriptions.c.id == dates.c.subject).join(
    customers, customers.c.id == subscriptions.c.customer_id
)


def due_rows(connection: Connection, asked: Question, shard: int | None) -> pa.Table:
    """Who is asked for, of one shard or all: `whose`, `which`, `zone`, `number`, `concerned`, then the attributes'.

    By customer, then subscription, as bytes compare.
    """
    statement = _statement(asked, shard)
    rows = connection.execute(statement).all()
    whose, which, zone, status, anchor, interval = [*zip(*rows, strict=True)][:6] or [()] * 6
    narrow = pa.record_batch(
        {
            "whose": pa.array(whose, pa.string()),
            "which": pa.array(which, pa.string()),
            "zone": pa.array(zone, pa.string()).dictionary_encode(),
            "status": pa.array(status, pa.string()).dictionary_encode(),
            "anchor": pa.array(anchor, pa.string()).cast(pa.date32()),
            "interval": pa.array(interval, pa.string()).dictionary_encode(),
        }
    )
    places, numbers = asked.rows(narrow)
    keys = narrow.take(pa.array(places))
    columns = [*keys.select(["whose", "which"]).columns, keys["zone"].cast(pa.string()), pa.array(numbers)]
    columns.append(pa.array(asked.gate.concerned(keys)))
    found = pa.table(columns, ["whose", "which", "zone", "number", "concerned"])
    attributes = read_columns([rows[place] for place in places.tolist()], asked.attributes)
    for name in attributes.column_names:
        found = found.append_column(name, attributes[name])
    return found.sort_by([("whose", "ascending"), ("which", "ascending")])


def _statement(asked: Question, shard: int | None) -> Select[Any]:
    gate = asked.gate
    columns = [
        customers.c.id.label("whose"),
        subscriptions.c.id.label("which"),
        customers.c.zone.label("zone"),
        subscriptions.c.status.label("status"),
        (null() if gate.attribute is None else cast(dates.c.date, Text)).label("anchor"),
        (INTERVAL if gate.by_billing else null()).label("interval"),
    ]
    source = _EVERYBODY if gate.attribute is None else _dated(gate)
    statement = select(*columns, *raw_columns(asked.attributes)).select_from(source).where(*_conditions(gate))
    if not asked.counting:
        statement = statement.where(_passes_while(gate))
    if asked.zones is not None:
        statement = statement.where(customers.c.zone.in_(sorted(asked.zones)))
    return statement if shard is None else statement.where(customers.c.shard == shard)


def _dated(gate: Gate) -> Any:
    return _OF_SUBSCRIPTIONS if gate.owner is Owner.SUBSCRIPTION else _OF_CUSTOMERS


def _passes_while(gate: Gate) -> ColumnElement[bool]:
    """The subscription is concerned; a customer without any stays."""
    passes = concerned(gate.statuses)
    return passes if gate.owner is Owner.SUBSCRIPTION else or_(subscriptions.c.id.is_(None), passes)


def _conditions(gate: Gate) -> list[ColumnElement[bool]]:
    """The comparisons that every row with an occurrence passes."""
    if gate.occurring is None:
        return [] if gate.today else [false()]
    whose = [dates.c.owner == str(gate.owner), dates.c.attribute == gate.attribute]
    asked = gate.occurring.asked
    if len(asked) == 1:
        return whose + _comparisons(asked[0])
    days = {day for one in asked for day in (*(one.days or ()), *(day for _, day in one.month_days or ()))}
    return [*whose, dates.c.day.in_(sorted(days))]


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
