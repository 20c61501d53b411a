"""How it stands: what is done and what lags, who works, what waits, what is halted. For all who show it."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.typed import MomentUse, Ruleset
from engine.clock_hold import Hold, clock_state
from engine.lease import holder
from engine.moments.due import gate_counts
from engine.passes import due_day
from engine.passes.happened import WAITING
from engine.passes.work import zones
from engine.pauses import EVERYTHING, Pause, every_pause
from engine.plans import plans_of
from engine.store.statistics import zone_fallbacks
from engine.store.tables import deliveries, events, frontiers, missed, passes
from engine.store.zones import Fallback
from engine.unavailable import NotRun, not_run
from engine.workers import TICK, Worker, registered

LATELY = dt.timedelta(days=7)
"""How far back what was missed is shown."""


@dataclass(frozen=True, slots=True)
class Zone:
    """How far the customers of a time zone are done; `lag` is how many due days are not, None before the first."""

    name: str
    through: dt.date | None
    due: dt.date
    lag: int | None


@dataclass(frozen=True, slots=True)
class Due:
    """How many customers or subscriptions have a scheduled moment on their local day today."""

    moment: str
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Missed:
    rule: str
    moment: str
    local_date: dt.date
    reason: str
    occurrences: int


@dataclass(frozen=True, slots=True)
class LastPass:
    """`finished_at` is None while it runs, or where it was stopped."""

    id: int
    kind: str
    as_of: dt.date
    started_at: dt.datetime
    finished_at: dt.datetime | None
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at `now` (UTC). `works` is the scheduler that holds the lease, one of `workers`, freshest first.

    `trouble` is why the one who asks does not run what the files say; each worker has its own.
    """

    now: dt.datetime
    ruleset: str
    rules: int
    zones: Sequence[Zone]
    without_zone: Mapping[Fallback, int]
    due_today: Sequence[Due]
    events_waiting: int
    oldest_event: dt.datetime | None
    deliveries: Mapping[str, int]
    last_pass: LastPass | None
    workers: Sequence[Worker]
    works: Worker | None
    pauses: Sequence[Pause]
    clock_hold: Hold | None
    missed: Sequence[Missed]
    not_run: Sequence[NotRun]
    trouble: str | None = None

    @property
    def state(self) -> str:
        """clock_held | paused | no_scheduler | late | ok"""
        if self.clock_hold:
            return "clock_held"
        if any(each.rule == EVERYTHING for each in self.pauses):
            return "paused"
        if not self.workers:
            return "no_scheduler"
        return "late" if self.workers[0].late(self.now) else "ok"

    @property
    def lag(self) -> int:
        """Due days that are not done where they are most; before the first pass of a zone nothing lags."""
        return max((zone.lag or 0 for zone in self.zones), default=0)

    @property
    def next_tick(self) -> dt.datetime | None:
        """When whoever works looks again; an estimate."""
        return self.works.beat_at + TICK if self.works else None

    def to_json(self) -> dict[str, Any]:
        own = {"pauses": [each.to_json() for each in self.pauses], "not_run": [each.to_json() for each in self.not_run]}
        derived = {"state": self.state, "lag": self.lag, "next_tick": self.next_tick}
        plain: dict[str, Any] = _plain(asdict(self) | derived)
        return plain | own


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def status(connection: sa.Connection, ruleset: Ruleset, now: dt.datetime, trouble: str | None = None) -> Status:
    """Read from one consistent view of the store; `trouble` is what `Rulebook.trouble` says."""
    left_out = not_run(ruleset.rules)
    known = registered(connection)
    lease = holder(connection)
    waiting = sa.select(sa.func.count(), sa.func.min(events.c.occurred_at)).where(WAITING)
    count, oldest = connection.execute(waiting).one()
    return Status(
        now=now,
        ruleset=ruleset.digest,
        rules=len(ruleset.rules) - len(left_out),
        zones=(here := _zones(connection, ruleset, now)),
        without_zone=zone_fallbacks(connection),
        due_today=_due_today(connection, ruleset, now, [zone.name for zone in here]),
        events_waiting=count,
        oldest_event=oldest,
        deliveries=_by_state(connection),
        last_pass=_last_pass(connection),
        workers=known,
        works=next((each for each in known if lease is not None and each.id == lease.holder), None),
        pauses=every_pause(connection),
        clock_hold=clock_state(connection).hold,
        missed=_missed(connection, now),
        not_run=left_out,
        trouble=trouble,
    )


def _zones(connection: sa.Connection, ruleset: Ruleset, now: dt.datetime) -> tuple[Zone, ...]:
    done = {row.zone: row.local_date for row in connection.execute(sa.select(frontiers))}
    send_at = ruleset.catalog.policies.send_at
    found = []
    for name in zones(connection):
        through, due = done.get(name), due_day(now, send_at, name)
        found.append(Zone(name, through, due, None if through is None else max(0, (due - through).days)))
    return tuple(found)


def _due_today(connection: sa.Connection, ruleset: Ruleset, now: dt.datetime, zones: Sequence[str]) -> tuple[Due, ...]:
    """Counts behind each moment's `while:`, the largest first; a moment that concerns nobody today is left out."""
    plans, by_day = plans_of(ruleset), defaultdict(list)
    for zone in zones:
        by_day[now.astimezone(ZoneInfo(zone)).date()].append(zone)
    counts: Counter[MomentUse] = Counter()
    for day, here in by_day.items():
        for use in plans.scheduled(day):
            counts[use] += gate_counts(connection, plans.catalog, use, day, here).after
    return tuple(Due(use.moment, use.offset, count) for use, count in counts.most_common() if count)


def _by_state(connection: sa.Connection) -> dict[str, int]:
    query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state).order_by(deliveries.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def _last_pass(connection: sa.Connection) -> LastPass | None:
    row = connection.execute(sa.select(passes).order_by(passes.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return LastPass(row.id, row.kind, row.as_of, row.started_at, row.finished_at, row.summary or {})


def _missed(connection: sa.Connection, now: dt.datetime) -> tuple[Missed, ...]:
    """What was missed lately, the largest counts first."""
    key = (missed.c.rule, missed.c.moment, missed.c.local_date, missed.c.reason)
    count = sa.func.sum(missed.c.occurrences)
    query = sa.select(*key, count).where(missed.c.local_date >= (now - LATELY).date()).group_by(*key)
    return tuple(Missed(*row[:4], int(row[4])) for row in connection.execute(query.order_by(count.desc(), *key)))
