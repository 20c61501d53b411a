"""Which anchors have an occurrence on a day, asked of whole columns: a table over dates in place of a question a row.

Whether a date has an occurrence depends on nothing but the date and the billing interval. So `occurrence_key` is asked
once a date, of the few dates that pass `calendar.anchors`, and a column of anchors is looked up in the answers: a
million rows take a few milliseconds, which is why the columnar snapshot needs no index.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Moment, MomentKind, Recurs
from engine.moments.calendar import BILLING_MONTHS, Anchors, anchors, interval_of, occurrence_key, period

NONE, WITHOUT_INTERVAL = -1, -2
"""In the place of an occurrence's number: there is none; there would be one if the bill came monthly."""

Numbers = npt.NDArray[np.int8]
Days = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

EPOCH = dt.date(1970, 1, 1).toordinal()
FEW = 4096
"""So few rows are asked by their distinct dates; more share one table over every day between their first and last."""


class Occurring:
    """The occurrences of a recurring or dated moment on local date `on`.

    An occurrence has a number, the place of its name in `names`; they differ by billing interval where the moment
    follows that, else there is one. `asked` are the constants that anchors meet, by the same numbers.
    """

    def __init__(self, moment: Moment, on: dt.date) -> None:
        self._moment = moment
        self._on = on
        self.by_billing = moment.recurs is Recurs.BILLING_INTERVAL
        self.intervals: tuple[str | None, ...] = tuple(BILLING_MONTHS) if self.by_billing else (None,)
        self.names = [moment.name] * len(self.intervals)
        dated = moment.kind is MomentKind.DATED
        self.asked = [anchors(moment, None if dated else interval_of(moment, each), on) for each in self.intervals]
        self._days: Days = np.arange(0, dtype=np.int64)
        self._tables: list[Bools] = []

    @property
    def possible_names(self) -> list[str]:
        """What an occurrence would be called, by number."""
        if self._moment.kind is MomentKind.DATED:
            return [f"{self._moment.name}:{self._on.isoformat()}"]
        intervals = (interval_of(self._moment, each) for each in self.intervals)
        return [f"{self._moment.name}:{period(each, self._on)}" for each in intervals if each is not None]

    def numbers(self, dates: pa.Array, intervals: pa.DictionaryArray | None, *, count_unknown: bool = False) -> Numbers:
        """The number of each row's occurrence, or NONE.

        `dates` are date32, `intervals` texts (read only by moments that follow the billing interval). With
        `count_unknown`, WITHOUT_INTERVAL stands where the interval is missing.
        """
        found = np.full(len(dates), NONE, np.int8)
        if dates.null_count == len(dates):
            return found
        days = dates.cast(pa.int32())
        places, tables = self._by_date(days) if len(days) < FEW else self._by_day(days)
        present = by_entry(intervals, self._number_of) if self.by_billing and intervals is not None else None
        for number, table in enumerate(tables):
            hit = table[places]
            found[hit if present is None else hit & (present == number)] = number
        if count_unknown and present is not None:
            found[tables[0][places] & (present == WITHOUT_INTERVAL)] = WITHOUT_INTERVAL
        if dates.null_count:
            found[np.asarray(dates.is_null().to_numpy(zero_copy_only=False))] = NONE
        return found

    def _by_date(self, days: pa.Array) -> tuple[Days, list[Bools]]:
        """For each row its place in a table an occurrence number; missing dates have any place."""
        coded = days.dictionary_encode()
        entries = coded.dictionary.to_numpy().astype(np.int64)
        tables = [self._table(number, entries) for number in range(len(self.names))]
        return pc.fill_null(coded.indices, 0).to_numpy(), tables

    def _by_day(self, days: pa.Array) -> tuple[Days, list[Bools]]:
        """The same with a place for every day, in tables that are kept, and made anew where they are too short."""
        limits = pc.min_max(days).as_py()
        known = [limits["min"], limits["max"], *self._days[:1].tolist(), *self._days[-1:].tolist()]
        first, last = min(known), max(known)
        if len(self._days) != last - first + 1:
            self._days = np.arange(first, last + 1, dtype=np.int64)
            self._tables = [self._table(number, self._days) for number in range(len(self.names))]
        return pc.fill_null(days, first).to_numpy() - np.int32(first), self._tables

    def _number_of(self, interval: str | None) -> int:
        if interval is None:
            return WITHOUT_INTERVAL
        return self.intervals.index(interval) if interval in self.intervals else NONE

    def _table(self, number: int, days: Days) -> Bools:
        """For each of the days (counted from 1970), whether it has an occurrence."""
        table = np.zeros(len(days), np.bool_)
        interval = self.intervals[number]
        candidates = np.flatnonzero(_meets(self.asked[number], days))
        for place, day in zip(candidates.tolist(), days[candidates].tolist(), strict=True):
            name = occurrence_key(self._moment, dt.date.fromordinal(EPOCH + day), interval, self._on)
            if name is not None:
                self.names[number] = name
                table[place] = True
        return table


def by_entry(values: pa.DictionaryArray, number: Callable[[str | None], int]) -> Numbers:
    """A small number for each text of a column (None where it is missing), asked once a distinct text."""
    entries = values.dictionary.to_pylist()
    numbers = np.array([number(entry) for entry in [*entries, None]], np.int8)
    found: Numbers = numbers[pc.fill_null(values.indices.cast(pa.int32()), len(entries)).to_numpy()]
    return found


def _meets(asked: Anchors, count: Days) -> Bools:
    """Which days (counted from 1970) meet the constants."""
    days = count.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (days - months).astype(np.int64) + 1
    meets = np.ones(len(count), np.bool_)
    if asked.on is not None:
        meets &= count == asked.on.toordinal() - EPOCH
    if asked.weekday is not None:
        meets &= (count + EPOCH - 1) % 7 == asked.weekday  # day 1 of the calendar was a Monday
    if asked.days is not None:
        meets &= np.isin(day, asked.days)
    if asked.months is not None:
        meets &= np.isin(month, asked.months)
    if asked.month_days is not None:
        meets &= np.isin(month * 100 + day, [each * 100 + of for each, of in asked.month_days])
    return meets
