"""The calendar of moments: pure arithmetic on local dates, done once, on constants (design decision 1).

Three questions are answered here and nowhere else.

*How long is it since?* Full months from a to b are the difference of their month numbers, less one while b's day has
not reached a's; a day that b's month does not have is reached on its last day. So 31 January to 28 February is one
month, and to 27 February none. The same question turned round is a *cutoff*: "at least n full months on day b" is
"started on or before c", where c is b's day in the month n months back; on the last day of its month b has reached
every day, so c is the last day of that month. Days and cutoffs fall together (counting from a later start never gives
more months), which is why a comparison of elapsed time becomes a comparison of dates that any index can answer.

*Is today an occurrence?* The n-th occurrence is the ORIGINAL anchor plus n intervals, clamped to the end of a shorter
month. Nothing is carried from one occurrence to the next: 31 January gives 28 February, then 31 March. An anchor of
29 February that recurs by whole years falls in common years on 28 February or 1 March, as the moment says. The start
itself (n = 0) is no occurrence. An occurrence is named by the period of its own date, so an offset, which only moves
the day we act on, never changes the name. Turned round, `anchors` gives the constants a database compares with: every
anchor with an occurrence on the day passes, some others may, and `occurrence_key` has the last word.

*When is that?* A local time that a clock change skips becomes the first instant after the gap; one that comes twice
means the first. Both are found from the zone's own offsets (PEP 495: fold 0 is the offset before the change).
"""

from __future__ import annotations

import datetime as dt
import math
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dsl.catalog import LeapDay, Moment, MomentKind, Recurs

# --- elapsed time ----------------------------------------------------------------------------------------------------


def last_day(year: int, month: int) -> int:
    """28 to 31."""
    return monthrange(year, month)[1]


def full_months(start: dt.date, day: dt.date) -> int:
    """Whole months from `start` to `day`; negative where `start` is later."""
    months = (day.year * 12 + day.month) - (start.year * 12 + start.month)
    return months - (day.day < min(start.day, last_day(day.year, day.month)))


def month_cutoff(day: dt.date, months: int) -> dt.date | None:
    """The latest start with at least `months` full months on `day`; None before year 1. `months` >= 0."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < dt.MINYEAR:
        return None
    last = last_day(year, month + 1)
    at_end = day.day == last_day(day.year, day.month)
    return dt.date(year, month + 1, last if at_end else min(day.day, last))


def day_cutoff(day: dt.date, days: int) -> dt.date | None:
    """The latest start with at least `days` days on `day`; None before year 1. `days` >= 0."""
    ordinal = day.toordinal() - days
    return dt.date.fromordinal(ordinal) if ordinal >= 1 else None


# --- occurrences -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """The distance from one occurrence to the next: whole months or, where `months` is 0, whole days."""

    months: int
    days: int = 0

    @property
    def is_yearly(self) -> bool:
        return self.months > 0 and self.months % 12 == 0


def interval_of(moment: Moment, billing_interval: str | None) -> Interval | None:
    """How often a recurring moment recurs; None where it follows a billing interval that is not known."""
    match moment.recurs:
        case Recurs.WEEK:
            return Interval(0, 7 * moment.every)
        case Recurs.MONTH:
            return Interval(moment.every)
        case Recurs.YEAR:
            return Interval(12 * moment.every)
        case Recurs.BILLING_INTERVAL if billing_interval in BILLING_MONTHS:
            return Interval(BILLING_MONTHS[billing_interval] * moment.every)
    return None


BILLING_MONTHS = {"month": 1, "year": 12}
"""The values of the attribute `billing_interval` that recur, in months."""


def occurrence_key(moment: Moment, anchor: dt.date, billing_interval: str | None, day: dt.date) -> str | None:
    """The name of the occurrence that a recurring or dated moment has on local date `day`; None where it has none.

    `anchor` is the date the moment hangs on; `billing_interval` is the subscription's, for moments that follow it.
    """
    if moment.kind is MomentKind.DATED:
        return f"{moment.name}:{day.isoformat()}" if anchor == day else None
    interval = interval_of(moment, billing_interval)
    if interval is None or not _recurs_on(anchor, interval, moment.leap_day, day):
        return None
    return f"{moment.name}:{period(interval, day)}"


def occurrence(moment: Moment, anchor: dt.date, interval: Interval, number: int) -> dt.date | None:
    """The local date of the n-th occurrence of a recurring moment, n >= 1; None beyond the calendar."""
    if number < 1:
        return None
    if not interval.months:
        ordinal = anchor.toordinal() + number * interval.days
        return dt.date.fromordinal(ordinal) if ordinal <= dt.date.max.toordinal() else None
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + number * interval.months, 12)
    if year > dt.MAXYEAR:
        return None
    if _moves_to_march(anchor, interval, moment.leap_day, year):
        return dt.date(year, 3, 1)
    return dt.date(year, month + 1, min(anchor.day, last_day(year, month + 1)))


def occurrences_near(moment: Moment, anchor: dt.date, interval: Interval, day: dt.date) -> list[dt.date]:
    """The two occurrences before `day`, the one on it if there is one, and the next two, as far as they exist."""
    if interval.months:
        passed = (day.year * 12 + day.month - anchor.year * 12 - anchor.month) // interval.months
    else:
        passed = (day - anchor).days // interval.days
    dates = (occurrence(moment, anchor, interval, number) for number in range(passed - 2, passed + 4))
    found = sorted({date for date in dates if date is not None})
    before, after = [date for date in found if date < day], [date for date in found if date > day]
    return [*before[-2:], *([day] if day in found else []), *after[:2]]


def event_key(moment: str, source: str, event_id: str) -> str:
    """The name of an event's occurrence."""
    return f"{moment}:{source}:{event_id}"


def _recurs_on(anchor: dt.date, interval: Interval, leap_day: LeapDay, day: dt.date) -> bool:
    if day <= anchor:
        return False
    if not interval.months:
        return (day - anchor).days % interval.days == 0
    months = (day.year * 12 + day.month) - (anchor.year * 12 + anchor.month)
    if _moves_to_march(anchor, interval, leap_day, day.year):
        return (day.month, day.day) == (3, 1) and (months - 1) % interval.months == 0
    return months % interval.months == 0 and day.day == min(anchor.day, last_day(day.year, day.month))


def _moves_to_march(anchor: dt.date, interval: Interval, leap_day: LeapDay, year: int) -> bool:
    """Whether a 29 February is kept on 1 March in `year`."""
    is_leap_day = (anchor.month, anchor.day) == (2, 29) and interval.is_yearly
    return is_leap_day and leap_day is LeapDay.MAR1 and last_day(year, 2) == 28


def period(interval: Interval, day: dt.date) -> str:
    """How the occurrence on `day` of a moment that recurs so is named: `2026`, `2026-03` or `2026-W11`."""
    if not interval.months:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day.year:04}" if interval.is_yearly else f"{day.year:04}-{day.month:02}"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Constants that every anchor with an occurrence on a day meets, wherever they are not None.

    `month_days` are (month, day of the month); `days` are days of a month. That an anchor lies before the day is not
    among them: few do not, and a range would tempt a database away from the index on days.
    """

    on: dt.date | None = None
    weekday: int | None = None
    days: tuple[int, ...] | None = None
    months: tuple[int, ...] | None = None
    month_days: tuple[tuple[int, int], ...] | None = None


def anchors(moment: Moment, interval: Interval | None, day: dt.date) -> Anchors:
    """What to ask of anchors for occurrences on `day`; `interval` is None for dated moments only."""
    if interval is None:
        return Anchors(on=day)
    if not interval.months:
        return Anchors(weekday=day.weekday())
    if interval.is_yearly:
        return Anchors(month_days=_yearly_anchors(moment.leap_day, day))
    last = last_day(day.year, day.month)
    days = tuple(range(day.day, 32)) if day.day == last else (day.day,)
    common = math.gcd(interval.months, 12)
    months = tuple(month for month in range(1, 13) if (day.month - month) % common == 0)
    return Anchors(days=days, months=None if common == 1 else months)


def _yearly_anchors(leap_day: LeapDay, day: dt.date) -> tuple[tuple[int, int], ...]:
    stand_in = (2, 28) if leap_day is LeapDay.FEB28 else (3, 1)
    itself = (day.month, day.day)
    return (itself, (2, 29)) if itself == stand_in and last_day(day.year, 2) == 28 else (itself,)


# --- instants --------------------------------------------------------------------------------------------------------


def due_instant(day: dt.date, send_at: dt.time, zone: str) -> dt.datetime:
    """The UTC instant of local time `send_at` on `day` in `zone` (an IANA name): the first at which the local clock
    shows that or later.

    Raises OverflowError on the first and the last day that Python knows.
    """
    return next(due_instants((day,), send_at, zone))


def due_instants(days: Iterable[dt.date], send_at: dt.time, zone: str) -> Iterator[dt.datetime]:
    """The same for many days of one zone, at less than a microsecond a day."""
    tz, repeated = ZoneInfo(zone), send_at.replace(fold=1)
    for day in days:
        wall = dt.datetime.combine(day, send_at, dt.UTC)
        before = dt.datetime.combine(day, send_at, tz).utcoffset() or UTC_OFFSET
        after = dt.datetime.combine(day, repeated, tz).utcoffset() or UTC_OFFSET
        yield wall - before if before >= after else _end_of_gap(wall, before, after, tz)


UTC_OFFSET = dt.timedelta(0)


def _end_of_gap(wall: dt.datetime, before: dt.timedelta, after: dt.timedelta, tz: ZoneInfo) -> dt.datetime:
    """The first instant whose local time is not earlier than `wall`, by bisection to the second.

    Between `wall - after` and `wall - before` the offset rises from `before` to `after`.
    """
    start = (wall - after).replace(microsecond=0)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        instant = start + dt.timedelta(seconds=middle)
        if instant.astimezone(tz).replace(tzinfo=dt.UTC) < wall:
            low = middle
        else:
            high = middle
    return start + dt.timedelta(seconds=high)
