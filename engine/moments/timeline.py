"""Which occurrences of a due set were already met under an earlier calendar of the same subject.

A customer who moves to another time zone must meet each occurrence once: neither in both zones nor in none. A changed
anchor date must not give two anniversaries in one period. So before a due set is decided, the subjects whose calendar
changed are looked at one by one:

1. `moves` tells the subject's *versions*: zone, anchor date and billing interval, each valid between two numbers.
2. The ledger tells which batches were finished, and the newest move that each had seen: so which version of the
   subject it knew. The transactions decide that order, no clock does.
3. An occurrence of an earlier version was *met* if the batch of its day and zone was finished while that version was
   true (or looked at again for its sake), and if it was not itself left out for this reason. What it stands for is not
   due again: an occurrence of the same name, or one less than half an interval away (half of the shorter interval,
   where that changed).

Only subjects with moves cost anything; they are few.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, and_, bindparam, exists, select

from dsl.catalog import Catalog, Moment, MomentKind, Owner, Recurs
from dsl.typed import MomentUse
from engine.moments.calendar import Interval, interval_of, occurrences_near, period
from engine.store.bulk import among
from engine.store.tables import batches, dates, moves, subscriptions

NOW = 2**62
"""Later than every move: where the version that is true now ends."""


class Look(NamedTuple):
    """The days from `first` to `last` were looked at again, those whose batches were finished by move number `seen`."""

    first: dt.date
    last: dt.date
    seen: int


@dataclass(frozen=True, slots=True)
class Version:
    """What a subject's occurrences hung on, known to the batches that had seen a move in [since, until).

    `look` is that for the move with which it became true.
    """

    zone: str
    anchor: dt.date | None
    interval: str | None
    since: int
    until: int
    look: Look | None = None

    def knew(self, day: dt.date, seen: int) -> bool:
        """Whether the version was decided by a batch of `day` that had seen so many moves."""
        if self.since <= seen < self.until:
            return True
        look = self.look
        return look is not None and look.first <= day <= look.last and seen <= look.seen < self.until


class Move(NamedTuple):
    """A row of `moves`: what was true before it, and the look at the days that it came too late for."""

    number: int
    before: dict[str, Any] | None
    look: Look | None


def not_met_before(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    day: dt.date,
    shard: int,
    table: pa.Table,
    *,
    late: bool = False,
) -> pa.Table:
    """The rows of a due set (of one shard) that were not met under an earlier calendar.

    `late`: the batches of the day are finished; what they knew as it is now is met, too.
    """
    if not table.num_rows or not (late or connection.scalar(select(exists(select(moves.c.number))))):
        return table
    subjects = _Subjects(connection, catalog, use, table)
    ledger = _Ledger(connection, use, shard)
    names = zip(*(table[name].to_pylist() for name in ("customer", "subject", "zone")), strict=True)
    is_met = lru_cache(None)(lambda *who: _is_met(subjects, ledger, day, who, late=late))
    return table.filter(pa.array([not is_met(*who) for who in names], pa.bool_()))


def _is_met(subjects: _Subjects, ledger: _Ledger, day: dt.date, who: tuple[str, str, str], *, late: bool) -> bool:
    versions = subjects.versions(*who)
    current = versions[-1]
    on = day - dt.timedelta(days=subjects.use.offset)
    if late and ledger.met(current, on):
        return True
    return any(_met_for(subjects, ledger, versions, at, current.interval, on) for at in range(len(versions) - 1))


def _met_for(
    subjects: _Subjects, ledger: _Ledger, versions: Sequence[Version], at: int, interval: str | None, on: dt.date
) -> bool:
    """Whether the version at this place had an occurrence that was met and stands for one on `on`."""
    version = versions[at]
    return any(
        ledger.met(version, earlier)
        and not any(_met_for(subjects, ledger, versions, k, version.interval, earlier) for k in range(at))
        for earlier in subjects.stand_ins(version, interval, on)
    )


class _Subjects:
    """The versions of the subjects of a due set, and which of their occurrences stand for which."""

    def __init__(self, connection: Connection, catalog: Catalog, use: MomentUse, table: pa.Table) -> None:
        self.use = use
        self._moment = catalog.moments.get(use.moment) or Moment(use.moment, MomentKind.DATED, Owner.CUSTOMER)
        self._moves = _moves_of(connection, self._moment.owner, table)
        moved = {key for _, key in self._moves}
        names = zip(table["customer"].to_pylist(), table["subject"].to_pylist(), strict=True)
        self._current = self._facts(connection, {subject for who in names for subject in who[1:] if moved & {*who}})

    def versions(self, customer: str, subject: str, zone: str) -> list[Version]:
        """Earliest first; the last one is true now. Times at which it was not known are left out."""
        of_customer = self._moves.get((Owner.CUSTOMER, customer), [])
        of_subject = self._moves.get((Owner.SUBSCRIPTION, subject), [])
        if self._moment.owner is Owner.CUSTOMER:
            of_subject = of_customer
        now: dict[str, Any] = self._current.get(subject, {})
        looks = {each.number: each.look for each in (*of_customer, *of_subject)}
        edges = sorted({*looks, NOW})
        found, since = [], 0
        for until in edges:
            zones = _true_until(of_customer, until, {"zone": zone})
            facts = _true_until(of_subject, until, now)
            if zones is not None and facts is not None:
                anchor, interval = self._anchor(facts), facts.get("interval")
                found.append(Version(zones["zone"], anchor, interval, since, until, looks.get(since)))
            since = until
        return found

    def stand_ins(self, version: Version, interval: str | None, on: dt.date) -> list[dt.date]:
        """The days of the version's occurrences that stand for one on `on`, of a subject billed by `interval`."""
        moment, anchor = self._moment, version.anchor
        if anchor is None:
            return []
        if moment.kind is MomentKind.DATED:
            return [on] if anchor == on else []
        theirs, ours = interval_of(moment, version.interval), interval_of(moment, interval)
        if theirs is None or ours is None:
            return []
        shorter = min(theirs, ours, key=lambda each: each.months * 31 + each.days)
        return [
            day
            for day in occurrences_near(moment, anchor, theirs, on)
            if period(theirs, day) == period(ours, on) or _too_near(shorter, day, on)
        ]

    def _anchor(self, facts: Mapping[str, Any]) -> dt.date | None:
        if self.use.date is not None:
            return self.use.date
        text = facts.get("dates", {}).get(self._moment.attribute)
        return None if text is None else dt.date.fromisoformat(text)

    def _facts(self, connection: Connection, subjects: set[str]) -> dict[str, dict[str, Any]]:
        """What is true now of these subjects."""
        ids = sorted(subjects)
        mine = select(dates.c.subject, dates.c.date).where(
            dates.c.owner == str(self._moment.owner),
            dates.c.attribute == self._moment.attribute,
            among(connection, dates.c.subject, ids),
        )
        found: dict[str, dict[str, Any]] = {key: {"dates": {}} for key in ids}
        for subject, date in connection.execute(mine):
            found[subject]["dates"][self._moment.attribute] = date.isoformat()
        if self._moment.recurs is Recurs.BILLING_INTERVAL:
            interval = subscriptions.c.attributes["billing_interval"].as_string()
            held = select(subscriptions.c.id, interval).where(among(connection, subscriptions.c.id, ids))
            for subject, name in connection.execute(held):
                found[subject]["interval"] = name
        return found


def _too_near(interval: Interval, one: dt.date, other: dt.date) -> bool:
    """Whether two days are less than half an interval apart."""
    first, last = sorted((one, other))
    months = first.year * 12 + first.month - 1 + interval.months
    length = interval.days or (dt.date(months // 12, months % 12 + 1, 1) - first.replace(day=1)).days
    return 2 * (last - first).days < length


def _true_until(moves_of_one: Sequence[Move], until: int, now: dict[str, Any]) -> dict[str, Any] | None:
    """What was true just before move number `until`: what the first move from there on changed, else what is now."""
    return next((each.before for each in moves_of_one if each.number >= until), now)


def _moves_of(connection: Connection, owner: Owner, table: pa.Table) -> dict[tuple[Owner, str], list[Move]]:
    """The moves of a due set's customers and, where the moment is theirs, its subscriptions."""
    wanted = {Owner.CUSTOMER: table["customer"]} | ({owner: table["subject"]} if owner is Owner.SUBSCRIPTION else {})
    found: dict[tuple[Owner, str], list[Move]] = defaultdict(list)
    for whose, column in wanted.items():
        mine = and_(moves.c.owner == str(whose), among(connection, moves.c.subject, column.unique().to_pylist()))
        for row in connection.execute(select(moves).where(mine).order_by(moves.c.number)):
            look = None if row.met_until is None else Look(row.met_from, row.met_until, row.met_seen)
            found[whose, row.subject].append(Move(row.number, row.before, look))
    return found


class _Ledger:
    """The finished batches of a moment and shard: what each knew."""

    def __init__(self, connection: Connection, use: MomentUse, shard: int) -> None:
        self._offset = use.offset
        mine = (
            batches.c.moment == use.moment,
            batches.c.offset == use.offset,
            batches.c.shard == shard,
            batches.c.rerun == 0,
        )
        asked = select(batches.c.moves_seen).where(
            *mine, batches.c.local_date == bindparam("day"), batches.c.zone == bindparam("zone")
        )
        self._seen = lru_cache(None)(lambda day, zone: connection.scalar(asked, {"day": day, "zone": zone}))

    def met(self, version: Version, on: dt.date) -> bool:
        """Whether the occurrence on `on` was decided while the version was true."""
        day = on + dt.timedelta(days=self._offset)
        seen = self._seen(day, version.zone)
        return seen is not None and version.knew(day, seen)
