"""What is due up to now and not done: local days, zone by zone, from where the ledger is complete.

The frontier of a zone is the last local day all of whose scheduled moments are done. Every pass goes on from there to
the day whose sending hour came last, however many days that are: an outage is the ordinary path. How late is too late
is asked of each rule (`engine.lateness`), not here.

A zone without a frontier (its first customer just came) begins where the slowest other zone stands, and with the day
that is due now where there is none: what was before the first pass is nobody's debt.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.moments.calendar import due_instant
from engine.store.inserts import insert
from engine.store.tables import SHARDS, customers, frontiers

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A local day that may have something left to do in some zones. `steps` are the shards."""

    day: dt.date
    zones: tuple[str, ...]

    @property
    def steps(self) -> range:
        return range(SHARDS)


def due_day(now: dt.datetime, send_at: dt.time, zone: str) -> dt.date:
    """The last local day of a zone whose sending hour is not after `now`: today, or still yesterday."""
    day = now.astimezone(ZoneInfo(zone)).date() + ONE_DAY  # a gap may move a day's sending into the next
    while due_instant(day, send_at, zone) > now:
        day -= ONE_DAY
    return day


def days_due(connection: sa.Connection, now: dt.datetime, send_at: dt.time) -> list[Day]:
    """The days to go through, earliest first."""
    through = _frontiers(connection)
    slowest = min(through.values(), default=None)
    by_day: dict[dt.date, list[str]] = defaultdict(list)
    for zone in zones(connection):
        last = due_day(now, send_at, zone)
        first = through[zone] + ONE_DAY if zone in through else min(last, (slowest or last) + ONE_DAY)
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            by_day[dt.date.fromordinal(ordinal)].append(zone)
    return [Day(day, tuple(by_day[day])) for day in sorted(by_day)]


def one_day(connection: sa.Connection, day: dt.date) -> list[Day]:
    """Every customer's local `day`."""
    return [Day(day, tuple(zones(connection)))]


def zones(connection: sa.Connection) -> list[str]:
    """The zones that customers live by, sorted.

    Asked of the index on shard and zone, from one to the next: DISTINCT would walk through all customers.
    """
    next_zone = sa.select(sa.func.min(customers.c.zone)).where(
        customers.c.shard == sa.bindparam("shard"), customers.c.zone > sa.bindparam("last")
    )
    found: set[str] = set()
    for shard in range(SHARDS):
        last: str | None = ""
        while last is not None:
            last = connection.scalar(next_zone, {"shard": shard, "last": last})
            if last is not None:
                found.add(last)
    return sorted(found)


def advance(connection: sa.Connection, done: Mapping[str, dt.date]) -> None:
    """Moves the frontiers of zones forward, never back."""
    if not done:
        return
    statement = insert(connection, frontiers)
    forward = statement.on_conflict_do_update(
        index_elements=[frontiers.c.zone],
        set_={"local_date": statement.excluded.local_date},
        where=frontiers.c.local_date < statement.excluded.local_date,
    )
    connection.execute(forward, [{"zone": zone, "local_date": day} for zone, day in sorted(done.items())])


def idle(connection: sa.Connection, now: dt.datetime, send_at: dt.time, busy: Iterable[str]) -> dict[str, dt.date]:
    """The zones that nobody lives by any more, each with the day that is due there: they have nothing to catch up."""
    through = _frontiers(connection)
    due = {zone: due_day(now, send_at, zone) for zone in through.keys() - set(busy)}
    return {zone: day for zone, day in due.items() if through[zone] < day}


def _frontiers(connection: sa.Connection) -> dict[str, dt.date]:
    rows = connection.execute(sa.select(frontiers.c.zone, frontiers.c.local_date))
    return {row.zone: row.local_date for row in rows}
