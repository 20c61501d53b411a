"""The clock guard: a clock that was set wrongly must not send a year of birthdays, nor a day twice.

The clock on the wall decides what is due. A running process compares it with the machine's boot clock, which nobody
can set and which counts on while the machine sleeps: an outage, a suspended machine and a change to summer time leave
the two together, a clock that is set drives them apart. It compares with a reading that is at most a day old, so that
small steps of one day add up; what drifts more slowly (a time service moves a clock by at most 43 seconds a day) is
not noticed, and harms nobody. A process that starts has nothing to compare with but the store's last sign of life:
a clock behind that was set back.

The guard says what is wrong. `clock_hold` then stops every process of the store until a person looks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

FORWARD = dt.timedelta(hours=2)
"""A step forward beyond this is no correction."""

BACK = dt.timedelta(minutes=1)
"""A step back beyond this is none."""

KEPT = dt.timedelta(days=1)
"""How old the reading may grow that the present one is compared with."""

AT_ONCE = 1.0
"""Seconds within which both clocks must be read to be one reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The two clocks at one moment; `boot` in seconds."""

    wall: dt.datetime
    boot: float

    def since(self, before: Reading) -> dt.timedelta:
        """How much time passed by the clock that nobody can set."""
        return dt.timedelta(seconds=self.boot - before.boot)

    def step(self, before: Reading) -> dt.timedelta:
        """How far the clock on the wall went beyond the time that passed."""
        return self.wall - before.wall - self.since(before)


class ClockGuard:
    """Watches the clock of this process; `wall` and `boot` read the two clocks."""

    def __init__(self, wall: Callable[[], dt.datetime], boot: Callable[[], float]) -> None:
        self._wall, self._boot = wall, boot
        self._before: Reading | None = None
        self._accepted: str | None = None

    def look(self, accepted: str | None) -> str | None:
        """What is wrong with the clock, in one sentence; None where nothing is.

        `accepted` names the last time a person accepted the present clock: after it the guard begins anew.
        """
        now, before = self._read(), self._before
        if before is None or accepted != self._accepted:
            self._before, self._accepted = now, accepted
            return None
        if now.since(before) > KEPT:
            self._before = now
        return _stepped(now.step(before), now.wall)

    def _read(self) -> Reading:
        """Both clocks; once more where the process was stopped, or the machine slept, just between the two."""
        while True:
            boot, wall = self._boot(), self._wall()
            if self._boot() - boot <= AT_ONCE:
                return Reading(wall, boot)


def behind(now: dt.datetime, last_beat: dt.datetime | None) -> str | None:
    """Whether a process that starts finds its clock before the last sign of life, and the sentence for it."""
    if last_beat is None or now >= last_beat - BACK:
        return None
    return f"The clock says {_told(now)}, but a scheduler worked here at {_told(last_beat)} already."


def _stepped(step: dt.timedelta, now: dt.datetime) -> str | None:
    if -BACK <= step <= FORWARD:
        return None
    way = "forward" if step > dt.timedelta(0) else "back"
    return f"The clock was set {way} by {_length(abs(step))} and now says {_told(now)}."


def _told(instant: dt.datetime) -> str:
    return f"{instant.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _length(time: dt.timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    if minutes < 180:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
