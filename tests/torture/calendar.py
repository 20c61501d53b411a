"""The calendar standard, proved day by day against python-dateutil and `whenever`.

    python -m tests.torture.calendar [FIRST_YEAR]

*Occurrences*: every start day of four years, every interval, 48 months: on exactly the dates that dateutil and
whenever name, in order, each once, each under the name of its own period, and on no other day.

*Instants*: every zone of the tz database, sending hours, every day from the first year (1970) to 2037: what whenever
says, which knows the hour or says that it is skipped or comes twice. What a skipped hour means is our standard, so it
is told again here, from offsets alone: *the first instant at which the local clock shows the hour or later*. Between
two changes of its offset a clock only runs forward, so that instant is either the hour itself at one of the offsets in
force, or a change.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
import time
import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import whenever
from dateutil.relativedelta import relativedelta

from dsl.catalog import LeapDay, Moment, MomentKind, Owner, Recurs
from engine.moments.calendar import due_instants, occurrence_key

DAY = dt.timedelta(days=1)
TWO_DAYS = 2 * 86400
QUARTERS = [dt.time(minute // 60, minute % 60) for minute in range(0, 24 * 60, 15)]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Both included."""
    return [dt.date.fromordinal(ordinal) for ordinal in range(first.toordinal(), last.toordinal() + 1)]


# --- occurrences -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rhythm:
    """A recurring moment with the words of the two oracles for its step and the name of its periods."""

    recurs: Recurs
    every: int
    months: int
    weeks: int
    period: str
    leap_day: LeapDay = LeapDay.FEB28

    @property
    def moment(self) -> Moment:
        return Moment("m", MomentKind.RECURRING, Owner.CUSTOMER, "since", self.recurs, self.every, self.leap_day)

    def occurrence(self, start: dt.date, n: int) -> dt.date:
        """The n-th, as both oracles say; the 1st of March is the standard's own word."""
        by_dateutil = start + relativedelta(months=self.months * n, weeks=self.weeks * n)
        by_whenever = whenever.Date(start.year, start.month, start.day).add(
            months=self.months * n, weeks=self.weeks * n
        )
        assert by_whenever.to_stdlib() == by_dateutil
        is_kept_in_march = self.leap_day is LeapDay.MAR1 and (start.month, start.day) == (2, 29)
        return by_dateutil + DAY if is_kept_in_march and by_dateutil.day == 28 else by_dateutil


RHYTHMS = (
    Rhythm(Recurs.WEEK, 1, 0, 1, "%G-W%V"),
    Rhythm(Recurs.WEEK, 2, 0, 2, "%G-W%V"),
    Rhythm(Recurs.MONTH, 1, 1, 0, "%Y-%m"),
    Rhythm(Recurs.MONTH, 3, 3, 0, "%Y-%m"),
    Rhythm(Recurs.MONTH, 5, 5, 0, "%Y-%m"),
    Rhythm(Recurs.YEAR, 1, 12, 0, "%Y", LeapDay.FEB28),
    Rhythm(Recurs.YEAR, 1, 12, 0, "%Y", LeapDay.MAR1),
    Rhythm(Recurs.YEAR, 2, 24, 0, "%Y", LeapDay.MAR1),
)
START_DAYS = days_between(dt.date(2021, 1, 1), dt.date(2024, 12, 31))
MONTHS = 48


def prove_occurrences(rhythm: Rhythm, start: dt.date, every_day: bool) -> int:
    """How many occurrences 48 months from `start` have, all of them right; `every_day` asks the days between too."""
    end = start + relativedelta(months=MONTHS)
    numbered = (rhythm.occurrence(start, n) for n in itertools.count(1))
    expected = list(itertools.takewhile(lambda day: day <= end, numbered))
    assert all(earlier < later for earlier, later in itertools.pairwise(expected))
    names = {day: f"m:{day.strftime(rhythm.period)}" for day in expected}
    assert len(set(names.values())) == len(expected), (rhythm, start)
    asked = days_between(start - DAY, end) if every_day else {start, *expected, *beside(expected)}
    moment = rhythm.moment
    for day in asked:
        assert occurrence_key(moment, start, None, day) == names.get(day), (rhythm, start, day)
    return len(expected)


def beside(days: Iterable[dt.date]) -> Iterator[dt.date]:
    for day in days:
        yield from (day - DAY, day + DAY)


# --- instants --------------------------------------------------------------------------------------------------------


def every_zone() -> list[str]:
    return sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})


def seconds_of(instant: dt.datetime) -> int:
    return int((instant - EPOCH).total_seconds())


def prove_instants(
    zone: str, days: Sequence[dt.date], walls: Sequence[whenever.PlainDateTime], at: dt.time, *, shared: bool = False
) -> int:
    """How many of these days skip hour `at` in the zone; all instants are right and each is after the one before.

    `walls` are the days at that hour, in whenever's type. A day that a zone never had may be `shared`: due at the
    very instant that begins the next.
    """
    skipped = 0
    previous = None
    for day, wall, due in zip(days, walls, due_instants(days, at, zone), strict=True):
        # Of two hours the earlier, and of none something else, which shows in its local time.
        known = wall.assume_tz(zone, disambiguation="compatible")
        if known.to_plain() == wall:
            assert due.timestamp() == known.timestamp(), (zone, day, at)
        else:
            skipped += 1
            assert seconds_of(due) == first_shown(zone, wall, changes_near(zone, wall)), (zone, day, at)
        assert previous is None or previous < due or (shared and previous == due), (zone, day, at)
        previous = due
    return skipped


def at_hour(days: Iterable[dt.date], at: dt.time) -> list[whenever.PlainDateTime]:
    return [whenever.PlainDateTime(day.year, day.month, day.day, at.hour, at.minute, at.second) for day in days]


def first_shown(zone: str, wall: whenever.PlainDateTime, changes: Collection[int]) -> int:
    """The standard, from offsets alone: the first second at which the zone's clock shows `wall` or later.

    `changes` are all that the zone's offset has within two days.
    """
    shown = wall.assume_utc().timestamp()
    offsets = {offset_at(zone, second) for change in changes for second in (change - 1, change)}
    candidates = [*changes, *(shown - offset for offset in offsets or {offset_at(zone, shown)})]
    return min(at for at in candidates if at + offset_at(zone, at) >= shown)


def offset_at(zone: str, second: int) -> int:
    """Seconds east of UTC."""
    return round(whenever.Instant.from_timestamp(second).to_tz(zone).offset.total("seconds"))


def changes_near(zone: str, wall: whenever.PlainDateTime) -> list[int]:
    shown = wall.assume_utc().timestamp()
    return changes_of(zone, shown - TWO_DAYS, shown + TWO_DAYS)


def changes_of(zone: str, first: int, last: int) -> list[int]:
    """The seconds at which a zone's offset changes: asked every three hours, then halved."""
    asked = range(first, last, 3 * 3600)
    found = []
    for earlier, later in itertools.pairwise((second, offset_at(zone, second)) for second in asked):
        if earlier[1] != later[1]:
            found.append(change_between(zone, earlier[0], later[0]))
    return found


def change_between(zone: str, earlier: int, later: int) -> int:
    before = offset_at(zone, earlier)
    while later - earlier > 1:
        middle = (earlier + later) // 2
        earlier, later = (middle, later) if offset_at(zone, middle) == before else (earlier, middle)
    return later


def prove_around_changes(zone: str, first: dt.date, last: dt.date) -> tuple[int, int]:
    """How many changes a zone has and how many hours around them were asked: each quarter of three local days."""
    changes = changes_of(zone, seconds_of(midnight(first)), seconds_of(midnight(last)))
    hours = 0
    for change in changes:
        near = [other for other in changes if abs(other - change) <= 2 * TWO_DAYS]
        day = (EPOCH + dt.timedelta(seconds=change + offset_at(zone, change))).date()
        days = (day - DAY, day, day + DAY)
        for at in QUARTERS:
            for due, wall in zip(due_instants(days, at, zone), at_hour(days, at), strict=True):
                assert seconds_of(due) == first_shown(zone, wall, near), (zone, wall)
                hours += 1
    return len(changes), hours


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(0), dt.UTC)


# --- the long proof --------------------------------------------------------------------------------------------------


def main() -> None:
    started = time.monotonic()
    found = sum(prove_occurrences(rhythm, start, every_day=True) for rhythm in RHYTHMS for start in START_DAYS)
    print(f"occurrences: {found:,} of {len(START_DAYS):,} start days in {len(RHYTHMS)} rhythms, every day asked")
    zones = every_zone()
    days = days_between(dt.date(int(sys.argv[1]) if len(sys.argv) > 1 else 1970, 1, 2), dt.date(2037, 12, 30))
    asked = skipped = 0
    for at in (dt.time(0), dt.time(2, 30), dt.time(9)):
        walls = at_hour(days, at)
        for zone in zones:
            skipped += prove_instants(zone, days, walls, at, shared=True)
            asked += len(days)
    print(f"instants: {asked:,} of {len(zones)} zones, {skipped:,} of them skipped hours")
    both = [prove_around_changes(zone, days[0], days[-1]) for zone in zones]
    print(f"changes: {sum(n for n, _ in both):,} with {sum(n for _, n in both):,} hours around them")
    print(f"proved in {time.monotonic() - started:.0f} seconds")


if __name__ == "__main__":
    main()
