"""Late arrivals: who became known, or whose calendar changed, after the batches of a day were finished.

A customer imported at noon whose anniversary was at nine, or one who moved this morning from a zone where it was not
yet nine to one where it was long past: no batch will look at them again. So each change of a calendar waits in `moves`
until a pass has asked, for the days that may still be caught up, whether it brings an occurrence that a finished batch
did not know. What the customer met before is left out as ever (`engine.moments.timeline`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.decisions.occasions import Part
from engine.lateness import longest
from engine.passes.claims import claimed
from engine.passes.deciding import Due, decide_due
from engine.passes.scheduled import by_lateness, due_table
from engine.passes.this_pass import Pass, newest_move
from engine.passes.work import ONE_DAY, due_day, zones
from engine.store.tables import moves

MOVES_A_BATCH = 20_000


def decide_late(this: Pass, shard: int) -> bool:
    """Look at the oldest changes of a shard that wait; True if there were any."""
    with this.store.read() as connection:
        if not connection.scalar(sa.select(sa.exists(_waiting(shard, 1)))):
            return False
    with this.write() as connection:
        waiting = connection.execute(_waiting(shard, MOVES_A_BATCH).with_for_update(skip_locked=True)).all()
        if not waiting:
            return False
        days = _days(this, connection)
        for day in days:
            _decide_day(connection, this, day, shard, sorted({each.customer_id for each in waiting}))
        numbers = moves.c.number.between(waiting[0].number, waiting[-1].number)
        seen = sa.and_(moves.c.shard == shard, moves.c.met_until.is_(None), numbers)
        # Asked after the looking: whether a change that came meanwhile was seen nobody knows; its turn comes.
        looked = {"met_from": days[0], "met_until": days[-1], "met_seen": newest_move(connection)}
        connection.execute(moves.update().where(seen).values(looked))
    return True


def forget_passing(this: Pass) -> None:
    """Let go of changes of dates that come once, when no day that could still be caught up with lies behind them."""
    before = this.report.as_of - dt.timedelta(days=longest(this.catalog, this.plans.ruleset.rules) // ONE_DAY + 3)
    passing = sa.text("NOT lasting")
    with this.write() as connection:
        connection.execute(moves.delete().where(passing, moves.c.met_until < before))


def _waiting(shard: int, most: int) -> sa.Select[tuple[int, str]]:
    here = sa.and_(moves.c.shard == shard, moves.c.met_until.is_(None))
    return sa.select(moves.c.number, moves.c.customer_id).where(here).order_by(moves.c.number).limit(most)


def _days(this: Pass, connection: sa.Connection) -> list[dt.date]:
    """The local days that any rule may still catch up with, in any zone."""
    due = [due_day(this.now, this.catalog.policies.send_at, zone) for zone in zones(connection)] or [this.report.as_of]
    back = longest(this.catalog, this.plans.ruleset.rules) // ONE_DAY + 1
    first, last = min(due).toordinal() - back, max(due).toordinal()
    return [dt.date.fromordinal(ordinal) for ordinal in range(first, last + 1)]


def _decide_day(connection: sa.Connection, this: Pass, day: dt.date, shard: int, people: Sequence[str]) -> None:
    parts: list[Part] = []
    for use, here in claimed(connection, this.plans.scheduled(day), day, shard).items():
        parts.extend(_parts(connection, this, use, day, here, shard, people))
    if parts:
        this.number(connection)
        decide_due(connection, this.plans, Due(parts, {}), this.now, this.report)


def _parts(
    connection: sa.Connection,
    this: Pass,
    use: MomentUse,
    day: dt.date,
    zones: Sequence[str],
    shard: int,
    people: Sequence[str],
) -> list[Part]:
    found = []
    for rules, here in by_lateness(this, this.plans.listening(use, day), day, zones):
        if rules:
            table = due_table(connection, this, use, day, here, shard, rules, only=people)
            if table.num_rows:
                found.append(this.part(connection, use, day, table, rules))
    return found
