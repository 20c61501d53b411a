"""What halts every process of a store: a pause of everything, a clock that nobody has accepted yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from engine.clock_guard import behind
from engine.clock_hold import HOLD, accept_clock, clock_state, hold_clock, last_beat
from engine.errors import CarpeError
from engine.pauses import EVERYTHING, Pause, every_pause
from engine.store.session import Store
from engine.store.tables import meta
from engine.store.tables import pauses as pauses_table


class Halted(CarpeError):
    """Nothing is decided or delivered now."""

    code = "halted"


class EverythingPaused(Halted):
    """A person paused everything."""

    code = "paused"

    def __init__(self, pause: Pause) -> None:
        since = f"{pause.since:%Y-%m-%d %H:%M} UTC"
        reason = pause.reason.rstrip(".")
        super().__init__(f"Everything has been paused since {since} ({reason}); `carpe resume` goes on.")


class ClockHeld(Halted):
    """The clock is suspect, and nobody has accepted it."""

    code = "clock_held"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing is decided until somebody looks; `carpe resume --accept-clock` goes on.")


_ANY = f"SELECT 1 FROM {pauses_table.name} UNION ALL SELECT 1 FROM {meta.name} WHERE key = '{HOLD}' LIMIT 1"


def halted(connection: sa.Connection) -> Halted | None:
    """Why nothing may be decided or delivered now, ready to be raised."""
    return standing(connection)[0]


def standing(connection: sa.Connection) -> tuple[Halted | None, frozenset[str]]:
    """Why nothing may be decided now, if so, and the names of the rules that are paused.

    Mostly nothing stands in the way, and one question finds that out.
    """
    if connection.connection.cursor().execute(_ANY).fetchone() is None:
        return None, frozenset()
    hold, pauses = clock_state(connection).hold, every_pause(connection)
    everything = (EverythingPaused(each) for each in pauses if each.rule == EVERYTHING)
    return ClockHeld(hold.reason) if hold else next(everything, None), frozenset(each.rule for each in pauses)


def refuse_halted(connection: sa.Connection) -> None:
    """Raises EverythingPaused or ClockHeld where nothing may be decided or delivered now."""
    if halt := halted(connection):
        raise halt


def begin_by_the_clock(store: Store, clock: Callable[[], dt.datetime], *, accept: bool = False) -> None:
    """What a process does first that decides by the clock: accept it for a person, or compare it with what is known.

    Where it is behind the last sign of life, every process of the store stops until a person accepts a clock. The clock
    is read after the sign of life: while this process waits for the database, others go on giving theirs.
    """
    with store.write() as connection:
        if accept:
            accept_clock(connection, clock())
        known = last_beat(connection)
        now = clock()
        if wrong := behind(now, known):
            hold_clock(connection, wrong, now)
