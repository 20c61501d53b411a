"""Delays: what is met some time after an event, such as `1 day after support_call`.

It is found by looking back, never by a timer: events that happened the delay before now, down to the instant through
which everything is marked (`delay_frontiers`), and that are not marked in `delayed`. An event that arrives late lies at
most its catch-up bound before it arrived, so the search goes back that far and the frontier loses nobody.

What a person had imported as if it had just happened (`live`) may lie before any frontier: its delays that are over
are met together with the event itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.lateness import longest
from engine.passes.deciding import decide_due
from engine.passes.happened import EVENTS, EVENTS_A_BATCH, OLDEST_FIRST, Event, due_after, is_missed, local_day, waves
from engine.passes.this_pass import Pass
from engine.store.bulk import among
from engine.store.inserts import insert, insert_values
from engine.store.tables import delay_frontiers, delayed, events

_FARTHEST = dt.timedelta(hours=39)
"""From midnight in UTC to the end of a local day, wherever, no more passes."""


def decide_delayed(this: Pass, use: MomentUse, day: dt.date | None) -> bool:
    """Decide the oldest events whose delay is over, up to now or on a local `day`; True if there were any."""
    with this.store.read() as connection:
        since, until = _span(connection, this, use, day)
        is_due = connection.scalar(sa.select(sa.exists(_due(use, since, until))))
    if not is_due:
        return _advance(this, use, day)
    with this.write() as connection:
        query = _due(use, since, until).order_by(*OLDEST_FIRST).with_for_update(of=events, skip_locked=True)
        locked = connection.execute(query if day else query.limit(EVENTS_A_BATCH)).all()
        # Another process may have marked some between the query's view of the database and the lock.
        found = [event for event in unmarked(connection, use, locked) if day in (None, local_day(event, use.delay))]
        if found:
            this.number(connection)
            decide_after(connection, this, use, found)
    return (bool(found) and day is None) or _advance(this, use, day)


def decide_after(connection: sa.Connection, this: Pass, use: MomentUse, found: Sequence[Event]) -> None:
    """Decide what is met a delay after some events, oldest first, and mark it."""
    for wave in waves(found):
        decide_due(connection, this.plans, due_after(connection, this, {use: wave}), this.now, this.report)
    rows = [
        {
            "source": event.source,
            "event_id": event.id,
            "offset": use.distance,
            "state": "missed" if is_missed(this, use, event) else "decided",
            "decided_at": this.now,
        }
        for event in found
    ]
    insert_values(connection, delayed, rows)


def unmarked(connection: sa.Connection, use: MomentUse, found: Sequence[Event]) -> list[Event]:
    """Those of some locked events that are not marked with this delay."""
    ids = among(connection, delayed.c.event_id, sorted({event.id for event in found}))
    marks = sa.select(delayed.c.source, delayed.c.event_id).where(delayed.c.offset == use.distance, ids)
    known = {(source, event_id) for source, event_id in connection.execute(marks)}
    return [event for event in found if (event.source, event.id) not in known]


def _due(use: MomentUse, since: dt.datetime, until: dt.datetime) -> sa.Select[tuple[object, ...]]:
    """The unmarked events of a moment that happened in (since, until]."""
    marked = sa.exists().where(
        delayed.c.source == events.c.source, delayed.c.event_id == events.c.id, delayed.c.offset == use.distance
    )
    return EVENTS.where(
        events.c.moment == use.moment,
        events.c.state != "history",
        events.c.occurred_at > since,
        events.c.occurred_at <= until,
        ~marked,
    )


def _span(
    connection: sa.Connection, this: Pass, use: MomentUse, day: dt.date | None
) -> tuple[dt.datetime, dt.datetime]:
    """When events happened whose delay may be over and not yet marked."""
    if day is not None:
        midnight = dt.datetime.combine(day, dt.time(), dt.UTC) - use.delay
        return midnight - _FARTHEST, midnight + _FARTHEST
    bound = longest(this.catalog, this.plans.ruleset.rules)
    through = connection.scalar(sa.select(delay_frontiers.c.through).where(*_mine(use)))
    since = this.now - bound - use.delay if through is None else through - max(bound, use.delay)
    return since, this.now - use.delay


def _advance(this: Pass, use: MomentUse, day: dt.date | None) -> bool:
    """Everything that was due by now is marked. False: there is nothing left to do."""
    if day is None:
        with this.write() as connection:
            statement = insert(connection, delay_frontiers)
            forward = statement.on_conflict_do_update(
                index_elements=list(delay_frontiers.primary_key),
                set_={"through": statement.excluded.through},
                where=delay_frontiers.c.through < statement.excluded.through,
            )
            key = {"moment": use.moment, "offset": use.distance, "through": this.now}
            connection.execute(forward, key)
    return False


def _mine(use: MomentUse) -> tuple[sa.ColumnElement[bool], ...]:
    return delay_frontiers.c.moment == use.moment, delay_frontiers.c.offset == use.distance
