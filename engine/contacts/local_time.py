"""Local times of many instants at once. Instants are microseconds of Unix time, offsets microseconds east of UTC.

A zone is known by its changes of offset, found by asking Python's own zones once a day of each year that is needed and
halving the days on which the answer differs. Once a day is enough: since 1970 no zone has changed twice within one
(tests/torture/contacts.py asks all of them every three hours).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from engine.contacts.columns import Ints

SECOND = 1_000_000
DAY = 86_400 * SECOND
FOREVER = 2**62


class Offsets(NamedTuple):
    """From each of `since` on (rising; the first before everything asked for) the zone is at `offset`."""

    since: Ints
    offset: Ints

    def at(self, instants: Ints) -> Ints:
        """The offset at each instant."""
        return self.offset[self._place(instants)]

    def next_change(self, instants: Ints) -> Ints:
        """When the offset changes after each instant; `FOREVER` where it does not, as far as is known here."""
        return np.append(self.since[1:], FOREVER)[self._place(instants)]

    def _place(self, instants: Ints) -> Ints:
        return np.searchsorted(self.since, instants, side="right") - 1


def offsets(zone: str, first: int, last: int) -> Offsets:
    """The offsets of a zone from one instant to another and for a year beyond."""
    return _of_years(zone, _year(first), _year(last) + 1)


def local(instants: Ints, zone: Ints, zones: tuple[str, ...]) -> Ints:
    """What the clock shows at each instant in its zone (a place in `zones`): microseconds since 1970 on that clock."""
    found = instants.copy()
    for place in np.unique(zone):
        here = np.flatnonzero(zone == place)
        some = instants[here]
        found[here] += offsets(zones[place], int(some.min()), int(some.max())).at(some)
    return found


def _year(instant: int) -> int:
    return int(np.datetime64(instant, "us").astype("datetime64[Y]").astype(int)) + 1970


@lru_cache(maxsize=4096)
def _of_years(zone: str, first: int, last: int) -> Offsets:
    start = _seconds(first)
    changes = [(start, _offset(zone, start))]
    for year in range(first, last + 1):
        changes.extend(_changes(zone, year))
    since, offset = zip(*changes, strict=True)
    return Offsets(np.array(since, np.int64) * SECOND, np.array(offset, np.int64) * SECOND)


@lru_cache(maxsize=4096)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """The seconds at which the offset changes within a year (UTC), and what it is then."""
    return tuple(_found(zone, range(_seconds(year), _seconds(year + 1) + 1, 86_400)))


def _found(zone: str, asked: range) -> Iterator[tuple[int, int]]:
    for earlier, later in pairwise(asked):
        before, after = _offset(zone, earlier), _offset(zone, later)
        if before == after:
            continue
        low, high = earlier, later
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        yield high, after


def _seconds(year: int) -> int:
    return int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp())


def _offset(zone: str, second: int) -> int:
    return int((dt.datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset() or dt.timedelta(0)).total_seconds())
