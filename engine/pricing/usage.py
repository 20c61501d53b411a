"""How much of a meter a bill is taken to count: an estimate, for the bills of a quote are still to come.

| meter   | taken                                                                                                  |
|---------|--------------------------------------------------------------------------------------------------------|
| gauge   | what it reads                                                                                          |
| counter | what it had counted at the end of the last full billing period, or in the running one where that is more |

So a quote shows what the last whole bill counted, and never less than the next one counts already. A period in which
the meter was not read says nothing; where neither does, the usage is missing and the price is not known. All is seen
from an instant: what was read later does not count, so that a quote made anew for that instant is the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.happenings.meters import last_reading, last_reading_at
from engine.happenings.occasions import Occasions
from engine.happenings.packed import ask, dialect_of, unpack
from engine.happenings.spans import TICK, local_date
from engine.moments.billing import billing_moment, period_start
from engine.moments.calendar import BILLING_MONTHS, due_instant
from engine.pricing.situations import INTERVAL, Reader

Running = tuple[dt.date, dt.date, dt.datetime]
"""The first local days of the running period and of the one before, and the last instant of that."""

_Last = tuple[float, int] | None
"""What was read last, in the meter's unit, and when (microseconds of Unix time)."""


def usage(
    connection: sa.Connection, catalog: Catalog, table: pa.Table, meters: Sequence[str]
) -> dict[str, list[float | None]]:
    """By meter, in its unit, for each row of a batch seen from its `due_at`; None where it is not known.

    `table` has the batch's keys (`moments.subjects.SCHEMA`), the billing interval and what bills hang on.
    """
    if not table.num_rows:
        return {meter: [] for meter in meters}
    now = _last(connection, Occasions(table), meters)
    counters = [meter for meter in meters if catalog.meters[meter].resets is not None]
    counted = _of_counters(connection, catalog, table, {meter: now[meter] for meter in counters}) if counters else {}
    return {meter: counted.get(meter, [one and one[0] for one in now[meter]]) for meter in meters}


def _of_counters(
    connection: sa.Connection, catalog: Catalog, table: pa.Table, now: Mapping[str, list[_Last]]
) -> dict[str, list[float | None]]:
    running = _running(catalog, table)
    ended = pa.array([each[2] for each in running], table["due_at"].type)
    earlier = table.set_column(table.column_names.index("due_at"), "due_at", ended)
    before = _last(connection, Occasions(earlier), list(now))
    zones = [ZoneInfo(zone) for zone in table["zone"].to_pylist()]
    return {
        meter: [_counted(*row) for row in zip(now[meter], before[meter], running, zones, strict=True)] for meter in now
    }


def _last(connection: sa.Connection, occasions: Occasions, meters: Sequence[str]) -> dict[str, list[_Last]]:
    """The last reading of each row until its instant."""
    dialect = dialect_of(connection)
    questions = [each for meter in meters for each in (last_reading(meter), last_reading_at(dialect, meter))]
    answers = ask(connection, occasions, questions)
    found: dict[str, list[_Last]] = {}
    for number, meter in enumerate(meters):
        used, times = answers[2 * number], unpack(dialect, answers[2 * number + 1], documents=False)
        found[meter] = [None] * occasions.size
        for row, at in zip(times.row.tolist(), times.at.tolist(), strict=True):
            found[meter][row] = used[row], at
    return found


def _counted(now: _Last, before: _Last, running: Running, zone: ZoneInfo) -> float | None:
    """Of a counter: the more of the last full period and of the running one, as far as they were read."""
    starts = ((now, running[0]), (before, running[1]))
    known = [one[0] for one, start in starts if one is not None and local_date(one[1], zone) >= start]
    return max(known, default=None)


def _running(catalog: Catalog, table: pa.Table) -> list[Running]:
    """The running period of each row; each distinct one is worked out once."""
    moment, names = billing_moment(catalog), (Reader(catalog).anchor, INTERVAL)
    columns = [
        table[name].to_pylist() if name is not None and name in table.column_names else [None] * table.num_rows
        for name in names
    ]

    @cache
    def period(at: dt.datetime, zone: str, anchor: dt.date | None, interval: str | None) -> Running:
        day, months = at.astimezone(ZoneInfo(zone)).date(), BILLING_MONTHS.get(interval or "")
        if moment is None or anchor is None or months is None:
            start = day.replace(day=1)
            before = (start - dt.timedelta(days=1)).replace(day=1)
        else:
            start = period_start(anchor, months, moment.leap_day, day)
            before = period_start(anchor, months, moment.leap_day, start - dt.timedelta(days=1))
        return start, before, due_instant(start, dt.time(), zone) - TICK

    return [period(*row) for row in zip(table["due_at"].to_pylist(), table["zone"].to_pylist(), *columns, strict=True)]
