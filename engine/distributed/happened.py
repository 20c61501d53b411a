"""The events of a group of customers, in the turns that a pass takes them in.

First what waits up to the day, oldest first, then what old events (`live`) bring some time after, then the delays that
are over on the day. Turns are asked for one by one: what is decided in one is known in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.distributed.work import Work
from engine.passes.happened import EVENTS, LIVE, OLDEST_FIRST, WAITING, Event, by_moment, local_day, waves
from engine.store.tables import delayed, events

Turn = Mapping[MomentUse, Sequence[Event]]
"""Events by what rules make of them; no customer has two instants in a turn."""


def turns(connection: sa.Connection, work: Work) -> Iterator[Turn]:
    """What happened to the customers that `connection` knows."""
    waiting = [each for each in _found(connection, WAITING) if local_day(each) <= work.day]
    for wave in waves(waiting):
        yield {MomentUse(moment): mine for moment, mine in by_moment(wave).items()}
    later = [use for use in work.happening if use.delay]
    done = _marks(connection)
    for use in later:
        mine = [each for each in waiting if each.state == LIVE and each.moment == use.moment]
        over = [each for each in mine if each.occurred_at + use.delay <= work.now]
        yield from _after(use, over, done)
    for use in later:
        happened = _found(connection, events.c.moment == use.moment, events.c.state != "history")
        yield from _after(use, [each for each in happened if local_day(each, use.delay) == work.day], done)


def _after(use: MomentUse, found: Sequence[Event], done: set[tuple[str, str, int]]) -> Iterator[Turn]:
    fresh = [each for each in found if (each.source, each.id, use.distance) not in done]
    done.update((each.source, each.id, use.distance) for each in fresh)
    for wave in waves(fresh):
        yield {use: wave}


def _found(connection: sa.Connection, *these: sa.ColumnElement[bool] | sa.TextClause) -> Sequence[Event]:
    return connection.execute(EVENTS.where(*these).order_by(*OLDEST_FIRST)).all()


def _marks(connection: sa.Connection) -> set[tuple[str, str, int]]:
    """What was met some time after an event before: source, id, offset."""
    rows = connection.execute(sa.select(delayed.c.source, delayed.c.event_id, delayed.c.offset))
    return {(row[0], row[1], row[2]) for row in rows}
