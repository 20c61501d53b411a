"""How many contacts fall into one window, asked of many customers at once.

A cap is a promise about every window of its length: none holds more contacts than it allows. Decisions do not always
come in the order of their instants (a moment that is caught up, an event that arrives late), so one more contact is
held against the contacts before it and after it. With N allowed, it breaks the promise exactly if, for some j from 0 to
N, it lies in one window with the N - j contacts next before it and the j next after it. Two instants lie in one window
if the earlier one is in the window seen from the later one, as the language says it: within N x 24 hours, or by the
calendar of the customer's local dates.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from dsl.windows import Window
from engine.contacts.columns import Ints, Mask
from engine.contacts.local_time import DAY, local
from engine.matching.history import MONTHS, SPANS


@dataclass(frozen=True, slots=True)
class Seen:
    """Who asks, and from when: one a row. `key` is a customer, or a customer and something of theirs, as a number."""

    key: Ints
    at: Ints
    zone: Ints
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Contacts by key and instant; at the same instant those that count for it come first, then ghosts."""

    key: Ints
    at: Ints
    ghost: Mask

    @staticmethod
    def of(key: Ints, at: Ints, ghost: Mask) -> Timeline:
        """From columns in which the rows of a key are in this order already."""
        if (key[1:] >= key[:-1]).all():
            return Timeline(key, at, ghost)
        order = np.argsort(key, kind="stable")
        return Timeline(key[order], at[order], ghost[order])

    def has_room(self, seen: Seen, at_most: int, window: Window) -> Mask:
        """Whether one more contact leaves every window with `at_most` at most."""
        first = np.searchsorted(self.key, seen.key, side="left")
        end = np.searchsorted(self.key, seen.key, side="right")
        before = self._count(first, end, seen.at, ghosts=False)
        after = self._count(first, end, seen.at, ghosts=True) if self.ghost.any() else before
        room = np.ones(len(seen.key), np.bool_)
        most_after = int((end - after).max(initial=0))
        for later in range(min(at_most, most_after) + 1):
            earliest, latest = before - (at_most - later), after + later - 1
            asked = np.flatnonzero(room & (earliest >= first) & (latest < end))
            start = self.at[earliest[asked]] if later < at_most else seen.at[asked]
            stop = self.at[latest[asked]] if later else seen.at[asked]
            room[asked] = ~_in_one_window(start, stop, window, seen.zone[asked], seen.zones)
        return room

    def _count(self, first: Ints, end: Ints, at: Ints, *, ghosts: bool) -> Ints:
        """Where in each row's stretch of the timeline the contacts up to its instant end, by halving.

        With `ghosts`, also behind the ghosts of that very instant.
        """
        low, high = first.copy(), end.copy()
        while (open_ := np.flatnonzero(low < high)).size:
            middle = (low[open_] + high[open_]) // 2
            there, asked = self.at[middle], at[open_]
            is_before = (there < asked) | ((there == asked) & (ghosts | ~self.ghost[middle]))
            low[open_] = np.where(is_before, middle + 1, low[open_])
            high[open_] = np.where(is_before, high[open_], middle)
        return low


def _in_one_window(start: Ints, stop: Ints, window: Window, zone: Ints, zones: tuple[str, ...]) -> Mask:
    """Whether `start` lies in the window seen from `stop`, which is not before it."""
    if window.unit in SPANS:
        return stop - start < window.count * (SPANS[window.unit] // dt.timedelta(microseconds=1))
    local_start, local_stop = (local(instants, zone, zones) // DAY for instants in (start, stop))
    return local_start > _months_before(local_stop, window.count * MONTHS[window.unit])


def _months_before(days: Ints, months: int) -> Ints:
    """The same day of the month so many months before; a day that month does not have is its last. Days since 1970."""
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    there = month - np.timedelta64(months, "M")
    last = (there + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    same = there.astype("datetime64[D]") + (dates - month.astype("datetime64[D]"))
    return np.asarray(np.minimum(same, last).astype(np.int64))
