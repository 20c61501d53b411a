"""What counts for each row of a batch, in one query: how many, the last of them, or each of them.

Every row brings its own constants (`occasions.ask`), so the database walks, for each, the piece of an index that its
window covers, and nothing else: the cost follows the due and what happened to them, never the size of the table.

20,000 due customers of 2 million events (ten a customer, `tests/bench/bench_happenings.py`), SQLite, two cores shared
with five other processes: three counts 0.39 s, the last event ever 0.27 s, a count with a `where` or a sum, which read
the events' own rows, 1.1 s. One customer: 1 to 3 ms.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, ScalarSelect, Table, and_, func, select

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
    of_one: bool = False  # a subscription's own


def events_of(moment: Moment) -> Records:
    """The events of the moment's owner: all of the customer's, or those of the subscription."""

    of_one = moment.owner is Owner.SUBSCRIPTION

    def which(asked: Asked) -> list[ColumnElement[bool]]:
        mine = [
            events.c.customer_id == asked.customer,
            events.c.moment == moment.name,
            events.c.occurred_at > asked.after,
            events.c.occurred_at <= asked.upto,
        ]
        return [*mine, events.c.subscription_id == asked.subscription] if of_one else mine

    return Records(events, events.c.occurred_at, which, of_one)


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


def counted(connection: Connection, records: Records, asks: Sequence[Asked]) -> list[int]:
    """How many a row."""
    return by_row(connection, asks, lambda asked: _of(records, asked, func.count()))


def latest(connection: Connection, records: Records, asks: Sequence[Asked]) -> list[dt.datetime | None]:
    """When the last was, by row; None where there is none."""
    return by_row(connection, asks, lambda asked: _of(records, asked, func.max(records.at)))


def _of(records: Records, asked: Asked, what: ColumnElement[Any]) -> ScalarSelect[Any]:
    mine = select(what).select_from(records.table).where(*records.which(asked))
    return mine.correlate(asked.table).scalar_subquery()


def by_row(connection: Connection, asks: Sequence[Asked], what: Callable[[Asked], ScalarSelect[Any]]) -> list[Any]:
    """One value a row of the batch."""
    found: dict[int, Any] = {}
    for asked in asks:
        answers = connection.execute(select(asked.row, what(asked)).select_from(asked.table))
        found.update((asked.rows[row], value) for row, value in answers)
    return [found[row] for row in range(len(found))]


def each(
    connection: Connection, records: Records, asks: Sequence[Asked], columns: Sequence[ColumnElement[Any]]
) -> Iterator[tuple[Any, ...]]:
    """(row, ...) of every record that counts, a record once for each row that it counts for."""
    for asked in asks:
        joined = asked.table.join(records.table, and_(*records.which(asked)))
        for row, *values in connection.execute(select(asked.row, *columns).select_from(joined)):
            yield asked.rows[row], *values
