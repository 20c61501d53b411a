"""Which anchors have an occurrence on a day, asked of whole columns: a table over dates in place of a question a row.

Whether a date has an occurrence depends on nothing but the date and the billing interval. So `occurrence_key` is asked
once a date, of the few dates that pass `calendar.anchors`, and a column of anchors is looked up in the answers: a
million rows take a few milliseconds, which is why the columnar snapshot needs no index.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Moment, MomentKind, Recurs
from engine.moments.calendar import BILLING_MONTHS, Anchors, anchors, interval_of, occurrence_key

NONE, WITHOUT_INTERVAL = -1, -2
"""In the place of an occurrence's number: there is none; there would be one if the bill came monthly."""

Numbers = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

EPOCH = dt.date(1970, 1, 1).toordinal()
GRAIN = 8192
"""Tables begin and end at multiples of so many days (22 years), so that most batches share them."""


class Occurring:
    """The occurrences of a recurring or dated moment on local date `on`.

    An occurrence has a number, the place of its name in `names`; they differ by billing interval where the moment
    follows that, else there is one.
    """

    def __init__(self, moment: Moment, on: dt.date) -> None:
        self._moment = moment
        self._on = on
        self.by_billing = moment.recurs is Recurs.BILLING_INTERVAL
        self.intervals: tuple[str | None, ...] = tuple(BILLING_MONTHS) if self.by_billing else (None,)
        self.names = [moment.name] * len(self.intervals)
        self._tables: dict[tuple[int, int, int], Bools] = {}

    def asked(self) -> list[Anchors]:
        """The constants that anchors with an occurrence meet, one for each interval."""
        dated = self._moment.kind is MomentKind.DATED
        return [
            anchors(self._moment, None if dated else interval_of(self._moment, interval), self._on)
            for interval in self.intervals
        ]

    def numbers(self, dates: pa.Array, intervals: pa.DictionaryArray | None, *, count_unknown: bool = False) -> Numbers:
        """The number of each row's occurrence, or NONE.

        `dates` are date32, `intervals` texts (read only by moments that follow the billing interval). With
        `count_unknown`, WITHOUT_INTERVAL stands where the interval is missing.
        """
        found = np.full(len(dates), NONE, np.int8)
        limits = pc.min_max(dates.cast(pa.int32())).as_py()
        if limits["min"] is None:
            return found
        first, last = limits["min"] // GRAIN * GRAIN, (limits["max"] // GRAIN + 1) * GRAIN
        places = pc.fill_null(dates.cast(pa.int32()), limits["min"]).to_numpy() - np.int32(first)
        present = by_entry(intervals, self._number_of) if self.by_billing and intervals is not None else None
        for number in range(len(self.names)):
            hit = self._table(number, first, last)[places]
            found[hit if present is None else hit & (present == number)] = number
        if count_unknown and present is not None:
            found[self._table(0, first, last)[places] & (present == WITHOUT_INTERVAL)] = WITHOUT_INTERVAL
        if dates.null_count:
            found[np.asarray(dates.is_null().to_numpy(zero_copy_only=False))] = NONE
        return found

    def _number_of(self, interval: str | None) -> int:
        if interval is None:
            return WITHOUT_INTERVAL
        return self.intervals.index(interval) if interval in self.intervals else NONE

    def _table(self, number: int, first: int, last: int) -> Bools:
        """For each day from `first` to before `last` (counted from 1970), whether it has an occurrence."""
        if (number, first, last) not in self._tables:
            table = np.zeros(last - first, np.bool_)
            interval = self.intervals[number]
            for place in np.flatnonzero(_meets(self.asked()[number], first, last)).tolist():
                if not 1 <= (ordinal := EPOCH + first + place) <= dt.date.max.toordinal():
                    continue
                name = occurrence_key(self._moment, dt.date.fromordinal(ordinal), interval, self._on)
                if name is not None:
                    self.names[number] = name
                    table[place] = True
            self._tables[number, first, last] = table
        return self._tables[number, first, last]


def by_entry(values: pa.DictionaryArray, number: Callable[[str | None], int]) -> Numbers:
    """A small number for each text of a column (None where it is missing), asked once a distinct text."""
    entries = values.dictionary.to_pylist()
    numbers = np.array([number(entry) for entry in [*entries, None]], np.int8)
    found: Numbers = numbers[pc.fill_null(values.indices.cast(pa.int32()), len(entries)).to_numpy()]
    return found


def _meets(asked: Anchors, first: int, last: int) -> Bools:
    """The days that meet the constants."""
    count = np.arange(first, last, dtype=np.int64)
    days = count.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (days - months).astype(np.int64) + 1
    meets = np.ones(last - first, np.bool_)
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
