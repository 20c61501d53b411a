"""A pass: everything that is due and not done is matched, decided and written, a shard of customers at a time.

    due → match → decide → allot → commit

1. The customers' zones give the local days that are due: all zones at one day where a day is ordered, else the day
   whose sending hour came within the last `CATCH_UP`.
2. For each day and shard the ledger of batches says which moments are still to do in which zones. They are claimed
   there in the same transaction that writes their decisions: a second process waits, then finds nothing left.
3. Events that wait are decided the same way, their state turned in the same transaction.

A killed pass leaves whole batches behind and nothing else; the next pass takes up what is left.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.typed import MomentUse, Ruleset
from engine.decisions import ledger
from engine.decisions.occasions import Part, merge
from engine.decisions.results import matched_ids, matched_occurrences, outcome, written
from engine.happenings.history import with_history
from engine.moments.calendar import due_instant
from engine.moments.due import due_batch
from engine.moments.events import event_batch
from engine.plans import Plans, plans_of
from engine.store.inserts import insert
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.tables import SHARDS, batches, customers, events, passes

CATCH_UP = dt.timedelta(days=1)
"""How late a scheduled moment may still be acted on."""

EVENTS_A_BATCH = 2_000

Progress = Callable[[int, int], None]
"""batches done, batches in all"""

Check = Callable[[sa.Connection], None]
"""Asked first in every transaction of a pass: raises a CarpeError where this process may not work (any more)."""

Zones = Mapping[str, dt.date]
"""zone -> the local day that is due there"""


@dataclass(slots=True)
class PassReport:
    """What a pass did: sums of counters by rule, held matches by reason, deliveries written."""

    pass_id: int | None
    as_of: dt.date
    rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    held: Counter[str] = field(default_factory=Counter)
    contacts: int = 0
    moments: Counter[str] = field(default_factory=Counter)  # occurrences that some rule listens to

    def total(self, name: str) -> int:
        return sum(counts[name] for counts in self.rules.values())

    def add(self, found: ledger.Written) -> None:
        for row in found.counters:
            self.rules[row["rule"]].update({name: row[name] for name in ledger.COUNTS})
        self.held.update(row["reason"] for row in found.decisions if row["reason"])
        self.contacts += len(found.deliveries)

    def to_json(self) -> dict[str, Any]:
        return {
            "pass": self.pass_id,
            "as_of": self.as_of.isoformat(),
            **{name: self.total(name) for name in ledger.COUNTS},
            "contacts": self.contacts,
            "moments": dict(sorted(self.moments.items())),
            "held_reasons": dict(self.held.most_common()),
            "rules": {rule: dict(counts) for rule, counts in sorted(self.rules.items())},
        }


def run_pass(
    store: Store,
    ruleset: Ruleset,
    now: dt.datetime,
    *,
    day: dt.date | None = None,
    progress: Progress = lambda done, total: None,
    check: Check = lambda connection: None,
) -> PassReport:
    """Decide all that is due at `now`, or on every customer's local `day`. Running it again decides nothing new."""
    plans = plans_of(ruleset)
    report = _begin(store, ruleset, now, day, check)
    steps = [*_scheduled(store, ruleset, now, day)]
    for done, (local_day, zones, shard) in enumerate(steps):
        progress(done, len(steps) + 1)
        with store.write() as connection:
            check(connection)
            _shard(connection, plans, local_day, zones, shard, now, report)
    progress(len(steps), len(steps) + 1)
    while decide_events(store, plans, now, day, report, check):
        pass
    _finish(store, report, now)
    progress(len(steps) + 1, len(steps) + 1)
    return report


def _begin(store: Store, ruleset: Ruleset, now: dt.datetime, day: dt.date | None, check: Check) -> PassReport:
    as_of = day or now.astimezone(ZoneInfo(ruleset.catalog.timezone)).date()
    values = {"kind": "day" if day else "tick", "as_of": as_of, "started_at": now, "ruleset": ruleset.digest}
    with store.write() as connection:
        check(connection)
        reindex(connection, ruleset.catalog, now)
        number = connection.scalars(sa.insert(passes).values(values).returning(passes.c.id)).one()
    return PassReport(number, as_of)


def _finish(store: Store, report: PassReport, now: dt.datetime) -> None:
    with store.write() as connection:
        connection.execute(
            passes.update().where(passes.c.id == report.pass_id).values(finished_at=now, summary=report.to_json())
        )


# --- scheduled moments -----------------------------------------------------------------------------------------------


def _scheduled(
    store: Store, ruleset: Ruleset, now: dt.datetime, day: dt.date | None
) -> Iterator[tuple[dt.date, tuple[str, ...], int]]:
    """The local day, zones and shard of each batch that may have something to do."""
    with store.read() as connection:
        zones = connection.scalars(sa.select(customers.c.zone).distinct().order_by(customers.c.zone)).all()
    by_day: dict[dt.date, list[str]] = defaultdict(list)
    for zone in zones:
        by_day[day or due_day(now, ruleset.catalog.policies.send_at, zone)].append(zone)
    for local_day, here in sorted(by_day.items()):
        for shard in range(SHARDS):
            yield local_day, tuple(here), shard


def due_day(now: dt.datetime, send_at: dt.time, zone: str) -> dt.date:
    """The last local day of a zone whose sending hour is not after `now`: today, or still yesterday."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return today if due_instant(today, send_at, zone) <= now else today - CATCH_UP


def _shard(
    connection: sa.Connection,
    plans: Plans,
    day: dt.date,
    zones: Sequence[str],
    shard: int,
    now: dt.datetime,
    report: PassReport,
) -> None:
    """Claim, match, decide and write what one shard has left to do on a local day."""
    uses = plans.scheduled(day)
    parts = []
    for use, here in _claim(connection, uses, day, zones, shard, now, report.pass_id).items():
        plan, rules = plans.plan(use, day)
        table = due_batch(connection, plans.catalog, use, day, here, shard, plans.reads(use, plan))
        if table.num_rows:
            table = with_history(connection, plans.catalog, table, plan.terms, day)
            parts.append(Part(use, day, table, plan, rules))
    decide_parts(connection, plans, parts, now, report)


def _claim(
    connection: sa.Connection,
    uses: Sequence[MomentUse],
    day: dt.date,
    zones: Sequence[str],
    shard: int,
    now: dt.datetime,
    pass_id: int | None,
) -> dict[MomentUse, list[str]]:
    """The zones that are ours for each moment: those whose row in the ledger is new."""
    left: dict[MomentUse, list[str]] = {}
    for use in uses:
        key = {"local_date": day, "moment": use.moment, "offset": use.distance, "shard": shard, "rerun": 0}
        rows = [key | {"zone": zone, "pass_id": pass_id, "finished_at": now} for zone in zones]
        claim = insert(connection, batches).values(rows).on_conflict_do_nothing().returning(batches.c.zone)
        if mine := connection.scalars(claim).all():
            left[use] = list(mine)
    return left


# --- events ----------------------------------------------------------------------------------------------------------


def decide_events(
    store: Store, plans: Plans, now: dt.datetime, day: dt.date | None, report: PassReport, check: Check
) -> bool:
    """Decide the oldest events that wait (about `EVENTS_A_BATCH`) of local days up to `day`; True if there were any."""
    with store.write() as connection:
        check(connection)
        by_day: dict[dt.date, list[sa.Row[Any]]] = defaultdict(list)
        for event in _waiting(connection, now, day):
            local_day = event.occurred_at.astimezone(ZoneInfo(event.zone)).date()
            if day is None or local_day <= day:
                by_day[local_day].append(event)
        parts = [part for each in sorted(by_day) for part in event_parts(connection, plans, each, by_day[each])]
        mark(connection, [event for mine in by_day.values() for event in mine], now)
        decide_parts(connection, plans, parts, now, report)
    return bool(by_day)


def _waiting(connection: sa.Connection, now: dt.datetime, day: dt.date | None) -> Sequence[sa.Row[Any]]:
    """Pending events with their customers' zones, oldest first, locked; all events of one instant or none of them."""
    pending = sa.select(events, customers.c.zone).join(customers).where(events.c.state == "pending")
    pending = pending.with_for_update(of=events, skip_locked=True)
    if day is None:
        pending = pending.where(events.c.occurred_at <= now)
    oldest = sa.select(events.c.occurred_at).where(events.c.state == "pending").order_by(events.c.occurred_at)
    last = connection.scalar(oldest.offset(EVENTS_A_BATCH - 1).limit(1))
    if last is not None:
        pending = pending.where(events.c.occurred_at <= last)
    return connection.execute(pending.order_by(events.c.occurred_at, events.c.source, events.c.id)).all()


def event_parts(connection: sa.Connection, plans: Plans, day: dt.date, found: Sequence[sa.Row[Any]]) -> Iterator[Part]:
    """The events of one local day as a part for each moment that an active rule listens to."""
    by_moment: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for event in found:
        by_moment[event.moment].append(event)
    for moment, mine in sorted(by_moment.items()):
        use = MomentUse(moment)
        plan, rules = plans.plan(use, day)
        if rules:
            table = event_batch(connection, plans.catalog, mine, plans.reads(use, plan))
            if table.num_rows:
                table = with_history(connection, plans.catalog, table, plan.terms, day)
                yield Part(use, day, table, plan, rules)


def mark(connection: sa.Connection, found: Sequence[sa.Row[Any]], now: dt.datetime) -> None:
    """Turn the state of events that are decided in this transaction."""
    if found:
        this = sa.and_(events.c.source == sa.bindparam("of"), events.c.id == sa.bindparam("number"))
        keys = [{"of": event.source, "number": event.id} for event in found]
        connection.execute(events.update().where(this).values(state="decided", decided_at=now), keys)


# --- deciding --------------------------------------------------------------------------------------------------------


def decide_parts(
    connection: sa.Connection, plans: Plans, parts: Sequence[Part], now: dt.datetime, report: PassReport
) -> None:
    """Match, decide and write some moments of the same customers together."""
    if not parts:
        return
    batch = merge(parts, plans.catalog)
    known = ledger.known(connection, matched_ids(batch))
    taken = ledger.taken(connection, matched_occurrences(batch))
    decided = outcome(batch, plans.catalog, known, taken)
    rows = written(decided, plans.catalog, now, ruleset=plans.ruleset.digest, pass_id=report.pass_id)
    ledger.write(connection, plans.catalog, rows, now)
    report.add(rows)
    for part in parts:
        report.moments[part.use.moment] += part.occurrences()
