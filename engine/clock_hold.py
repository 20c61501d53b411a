"""The hold on a suspect clock: kept in the store, so that every process of it stops and waits for a person."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.bulk import instant_text
from engine.store.meta import drop_meta, get_meta, get_several, raise_meta, set_meta
from engine.store.tables import workers

HOLD, _ACCEPTED, _LAST_BEAT = "clock_hold", "clock_accepted", "last_beat"
"""Names of what is kept; `HOLD` is there while the clock is suspect."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Since when (by the suspect clock) and why nothing is decided."""

    since: dt.datetime
    reason: str

    def to_json(self) -> dict[str, str]:
        return {"since": self.since.isoformat(), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ClockState:
    """What people and processes said of the clock; `accepted` names the last acceptance, and changes with each."""

    hold: Hold | None
    accepted: str | None


def clock_state(connection: sa.Connection) -> ClockState:
    found = get_several(connection, HOLD, _ACCEPTED)
    hold = json.loads(found[HOLD]) if HOLD in found else None
    return ClockState(Hold(_instant(hold["since"]), hold["reason"]) if hold else None, found.get(_ACCEPTED))


def hold_clock(connection: sa.Connection, reason: str, now: dt.datetime) -> None:
    """Stop every process of this store; the first reason stays until a person accepts a clock."""
    if clock_state(connection).hold is None:
        set_meta(connection, HOLD, json.dumps({"since": instant_text(now), "reason": reason}))


def accept_clock(connection: sa.Connection, now: dt.datetime) -> bool:
    """A person says that the present clock is right. False where nothing was held.

    Signs of life from later than now were given by the wrong clock: they are forgotten.
    """
    held = clock_state(connection).hold is not None
    connection.execute(workers.delete().where(workers.c.beat_at > now))
    drop_meta(connection, HOLD)
    set_meta(connection, _ACCEPTED, instant_text(now))
    set_meta(connection, _LAST_BEAT, instant_text(now))
    return held


def remember_beat(connection: sa.Connection, now: dt.datetime) -> None:
    """The last sign of life of whoever works here; it outlives the process and only moves forward."""
    raise_meta(connection, _LAST_BEAT, instant_text(now))


def last_beat(connection: sa.Connection) -> dt.datetime | None:
    """The last sign of life, of whoever worked and of those who waited."""
    remembered = get_meta(connection, _LAST_BEAT)
    latest = connection.scalar(sa.select(sa.func.max(workers.c.beat_at)))
    known = [each for each in (latest, _instant(remembered) if remembered else None) if each is not None]
    return max(known, default=None)


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
