"""What counts for each row of a batch, in one query: how many, the last of them, or each of them.

Every row brings its own constants (`occasions.ask`), so the database walks, for each, the piece of an index that its
window covers, and nothing else: the cost follows the due and what happened to them, never the size of the table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, select

from dsl.catalog import Moment, Owner
from dsl.typed import DecidedCount
from engine.happenings.occasions import Asked
from engine.store.tables import decisions, events


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of a table that happened `at` some time, and which of them are those of an asking row, window and all."""

    table: Table
    at: Column[Any]
    which: Callable[[Asked], Sequence[ColumnElement[bool]]]


def events_of(moment: Moment) -> Records:
    """The events of the moment's owner: all of the customer's, or those of the subscription."""

    def which(asked: Asked) -> list[ColumnElement[bool]]:
        mine = [
            events.c.customer_id == asked.customer,
            events.c.moment == moment.name,
            events.c.occurred_at > asked.after,
            events.c.occurred_at <= asked.upto,
        ]
        of_one = moment.owner is Owner.SUBSCRIPTION
        return [*mine, events.c.subscription_id == asked.subscription] if of_one else mine

    return Records(events, events.c.occurred_at, which)


def offers_of(term: DecidedCount) -> Records:
    """What the customer was offered on earlier occasions: those met at the same instant are decided together."""

    def which(asked: Asked) -> list[ColumnElement[bool]]:
        mine = [
            decisions.c.customer_id == asked.customer,
            decisions.c.due_at > asked.after,
            decisions.c.due_at < asked.upto,
            decisions.c.result == "offered",
        ]
        return mine if term.product is None else [*mine, decisions.c.offer == term.product]

    return Records(decisions, decisions.c.due_at, which)


def counted(connection: Connection, records: Records, asked: Asked) -> list[int]:
    """How many a row."""
    return _by_row(connection, records, asked, func.count())


def latest(connection: Connection, records: Records, asked: Asked) -> list[dt.datetime | None]:
    """When the last was, by row; None where there is none."""
    return _by_row(connection, records, asked, func.max(records.at))


def _by_row(connection: Connection, records: Records, asked: Asked, what: ColumnElement[Any]) -> list[Any]:
    mine = select(what).select_from(records.table).where(*records.which(asked)).correlate(asked.table)
    found = connection.execute(select(asked.row, mine.scalar_subquery()).select_from(asked.table).order_by(asked.row))
    return [value for _, value in found]


def each(
    connection: Connection, records: Records, asked: Asked, columns: Sequence[ColumnElement[Any]]
) -> Sequence[Any]:
    """(row, ...) of every record that counts, a record once for each row that it counts for."""
    joined = asked.table.join(records.table, and_(*records.which(asked)))
    return connection.execute(select(asked.row, *columns).select_from(joined)).all()
