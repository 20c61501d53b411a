"""The gate of a moment as Spark asks it: comparisons with constants, of columns that the files themselves can skip by.

A month or a weekday of a date would be worked out row by row after reading. So a snapshot has them beside each date
that a moment hangs on, as the table of dates has in the store: `subscription.started_on.day`, `.month` and
`.weekday` (0 is Monday). What is asked of them (`moments.calendar.anchors`) is pushed down into the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner, Recurs
from engine.distributed.tables import column
from engine.moments.calendar import Anchors
from engine.moments.gate import Gate
from engine.moments.subjects import CANCELLED

if TYPE_CHECKING:
    from pyspark.sql import Column

_PARTS = {"day": pc.day, "month": pc.month, "weekday": pc.day_of_week}
_BY_FREQUENCY = (Recurs.WEEK, Recurs.BILLING_INTERVAL, Recurs.MONTH, Recurs.YEAR, None)


def moment_dates(catalog: Catalog, owner: Owner) -> tuple[str, ...]:
    """The columns of an owner's dates that moments hang on; those that bring the most occurrences a day come first."""
    mine = [one for one in catalog.moments.values() if one.attribute is not None and one.owner is owner]
    ordered = sorted(mine, key=lambda one: (_BY_FREQUENCY.index(one.recurs), one.name))
    return tuple(dict.fromkeys(f"{owner}.{one.attribute}" for one in ordered))


def with_day_parts(table: pa.Table, dates: Sequence[str]) -> pa.Table:
    """The table with `.day`, `.month` and `.weekday` (int32) of each of these date columns."""
    for name in dates:
        for part, work_out in _PARTS.items():
            table = table.append_column(f"{name}.{part}", work_out(table[name]).cast(pa.int32()))
    return table


def passes(gate: Gate) -> Column:
    """The comparisons that every row with an occurrence passes; the billing interval is looked at exactly later."""
    assert gate.occurring is not None
    date = f"{gate.owner}.{gate.attribute}"
    found = any_of([_meets(date, asked) for asked in dict.fromkeys(gate.occurring.asked)])
    return found & _concerned(gate) if gate.owner is Owner.SUBSCRIPTION else found


def _meets(date: str, asked: Anchors) -> Column:
    parts = {name: column(f"{date}.{name}") for name in _PARTS}
    found = []
    if asked.on is not None:
        found.append(column(date) == asked.on)
    if asked.weekday is not None:
        found.append(parts["weekday"] == asked.weekday)
    if asked.days is not None:
        found.append(parts["day"].isin(list(asked.days)))
    if asked.months is not None:
        found.append(parts["month"].isin(list(asked.months)))
    if asked.month_days is not None:
        found.append(any_of([(parts["month"] == month) & (parts["day"] == day) for month, day in asked.month_days]))
    return reduce(lambda one, other: one & other, found)


def _concerned(gate: Gate) -> Column:
    """The moment's `while:`."""
    status = column("status")
    if gate.statuses is None:
        return status.isNull() | (status != CANCELLED)
    return status.isin(list(gate.statuses))


def any_of(conditions: Sequence[Column]) -> Column:
    from pyspark.sql import functions as f

    return reduce(lambda one, other: one | other, conditions) if conditions else f.lit(False)
