"""Events that wait to be met when they happen, a batch of them at a time, the oldest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from engine.passes.delays import decide_after, unmarked
from engine.passes.happened import (
    EVENTS,
    EVENTS_A_BATCH,
    LIVE,
    OLDEST_FIRST,
    PENDING,
    Event,
    decide_happened,
    local_day,
)
from engine.passes.this_pass import Pass
from engine.store.tables import events


def decide_waiting(this: Pass, day: dt.date | None) -> bool:
    """Decide the oldest events that wait (about `EVENTS_A_BATCH`) of local days up to `day`; True if there were any."""
    with this.store.read() as connection:
        if not connection.scalar(sa.select(sa.exists(sa.select(events.c.id).where(_WAITING)))):
            return False
    with this.write() as connection:
        found = [event for event in _waiting(connection, this, day) if day is None or local_day(event) <= day]
        if found:
            this.number(connection)
            decide_happened(connection, this, found)
            _decide_overdue(connection, this, [event for event in found if event.state == LIVE])
    return bool(found)


def _decide_overdue(connection: sa.Connection, this: Pass, live: Sequence[Event]) -> None:
    """What a delay after some old events is met together with them: no later search goes back so far."""
    for use in this.plans.happening() if live else ():
        mine = [each for each in live if each.moment == use.moment and each.occurred_at + use.delay <= this.now]
        if use.delay and mine:
            decide_after(connection, this, use, unmarked(connection, use, mine))


def _waiting(connection: sa.Connection, this: Pass, day: dt.date | None) -> Sequence[Event]:
    """Waiting events, oldest first, locked; all events of one instant or none of them."""
    query = EVENTS.where(_WAITING).with_for_update(of=events, skip_locked=True)
    if day is None:
        query = query.where(events.c.occurred_at <= this.now)
    oldest = sa.select(events.c.occurred_at).where(_WAITING).order_by(events.c.occurred_at)
    last = connection.scalar(oldest.offset(EVENTS_A_BATCH - 1).limit(1))
    if last is not None:
        query = query.where(events.c.occurred_at <= last)
    return connection.execute(query.order_by(*OLDEST_FIRST)).all()


_WAITING = events.c.state.in_((PENDING, LIVE))
