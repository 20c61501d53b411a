"""Windows as constants: between which instants something counts, seen from one instant in one zone.

`matching.history` says what a window means; here it is worked out once for all that databases compare. A window of
months begins with a local midnight. Where a clock change repeats that midnight so that the date goes back for a while
(Newfoundland did this at 00:01), no two instants bound the window: what lies between them must be looked at.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dsl.operators import months_from
from dsl.typed import Window
from engine.matching.history import MONTHS, SPANS

BEGINNING = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
"""Before everything that is recorded."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

TICK = dt.timedelta(microseconds=1)
"""Instants are whole numbers of these since the epoch."""


def microseconds(at: dt.datetime) -> int:
    """An aware instant in Unix time, exactly."""
    return (at - EPOCH) // TICK


def instant_of(number: int) -> dt.datetime:
    """The instant (UTC) of so many microseconds of Unix time."""
    return EPOCH + number * TICK


def local_date(number: int, zone: ZoneInfo) -> dt.date:
    """Its date in a zone; whole seconds tell it, for clocks change by whole seconds."""
    return dt.datetime.fromtimestamp(number // 1_000_000, zone).date()


class Span(NamedTuple):
    """What counts happened after `after` and not after `upto` (UTC), and all of it does if the span is `exact`."""

    after: dt.datetime
    upto: dt.datetime
    exact: bool = True


def span(window: Window | None, at: dt.datetime, zone: str) -> Span:
    """The instants of a window seen from `at`; None is ever."""
    upto = at.astimezone(dt.UTC)
    if window is None:
        return Span(BEGINNING, upto)
    if window.unit in SPANS:
        return Span(_earlier(upto, window.count, SPANS[window.unit]), upto)
    local = at.astimezone(ZoneInfo(zone)).date()
    last_out = months_from(local, -window.count * MONTHS[window.unit])
    return Span(BEGINNING, upto) if last_out == dt.date.min else _since(last_out + dt.timedelta(1), zone, upto)


def _earlier(at: dt.datetime, count: int, unit: dt.timedelta) -> dt.datetime:
    return at - count * unit if count <= (at - BEGINNING) // unit else BEGINNING


def _since(day: dt.date, zone: str, upto: dt.datetime) -> Span:
    """From the local midnight of `day`; one that is skipped is the first instant after the gap."""
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo(zone))
    first, again = (midnight.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    goes_back = again > first and (again - TICK).astimezone(ZoneInfo(zone)).date() < day
    return Span(first - TICK, upto, not goes_back)
