"""A scheduler process that is going to be hit: the very scheduler of `carpe scheduler`, on clocks that run fast.

Forked from a server that has imported everything. Where a blow is due at a named place, the function there is wrapped
in this process only: the product knows nothing of it.
"""

from __future__ import annotations

import datetime as dt
import enum
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine import lease
from engine.decisions import ledger
from engine.deliveries import outbox
from engine.errors import CarpeError
from engine.halts import begin_by_the_clock
from engine.passes import delays, happened, late, run, scheduled
from engine.passes.this_pass import Pass
from engine.rulebook import Rulebook
from engine.scheduler import Scheduler
from engine.store.database_clock import database_now
from engine.store.session import open_store
from tests.torture.story import START

PAUSE = 0.05
"""Seconds between two ticks."""


@dataclass(frozen=True)
class Clock:
    """The clocks of all processes: the wall and the boot clock run `speed` times as fast as the machine's, the
    database's so much faster that a lease lasts a second and a half."""

    began: float  # by the machine's monotonic clock, which all its processes share
    began_at: dt.datetime
    speed: float
    term: float = 1.5

    @staticmethod
    def starting(speed: float) -> Clock:
        return Clock(time.monotonic(), dt.datetime.now(dt.UTC), speed)

    def boot(self) -> float:
        return (time.monotonic() - self.began) * self.speed

    def wall(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self.boot())

    def database(self, connection: sa.Connection) -> dt.datetime:
        passed = database_now(connection) - self.began_at
        return START + passed * (lease.TERM.total_seconds() / self.term)


class When(enum.Enum):
    BEFORE = "before"
    AFTER = "after"
    FOUND = "after it found something"


POINTS: dict[str, tuple[Any, str, When, int]] = {
    "between two transactions": (Pass, "write", When.BEFORE, 20),
    "a batch is claimed": (scheduled, "claim", When.FOUND, 5),
    "nothing is written yet": (ledger, "write", When.BEFORE, 4),
    "decisions are written, not counted": (ledger, "count", When.BEFORE, 4),
    "all is written, not committed": (ledger, "write", When.AFTER, 4),
    "a day is committed, not its frontier": (run, "_is_done", When.BEFORE, 1),
    "a frontier is committed": (run, "_is_done", When.AFTER, 1),
    "late arrivals are decided, not marked": (late, "_decide_day", When.AFTER, 3),
    "events are decided, not marked": (happened, "decide_due", When.AFTER, 2),
    "delays are decided, not marked": (delays, "insert_values", When.BEFORE, 1),
    "messages are claimed, not sent": (outbox, "_send_all", When.BEFORE, 2),
    "messages are sent, not marked": (outbox, "_send_all", When.AFTER, 2),
    "the lease is renewed": (lease, "renew", When.AFTER, 20),
    "the lease is taken": (lease, "acquire", When.FOUND, 1),
}
"""Of each place: where the function is, when to strike, and at most at which call."""


@dataclass(frozen=True)
class Blow:
    """A signal that a process gives itself when it comes to a place for the nth time."""

    point: str
    nth: int
    signal: signal.Signals

    def prepare(self, tell: Callable[[str], None]) -> None:
        owner, name, when, _ = POINTS[self.point]
        real, left = getattr(owner, name), self.nth

        def strike() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                tell(f"struck {self.signal.name} {os.getpid()} {self.point}")
                os.kill(os.getpid(), self.signal)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            if when is When.BEFORE:
                strike()
            found = real(*arguments, **options)
            if when is When.AFTER or (when is When.FOUND and found):
                strike()
            return found

        setattr(owner, name, wrapped)


class Teller(logging.Handler):
    """Sends what the process logs to the parent, a line a record in one write, which no kill cuts in two."""

    def __init__(self, to: Connection) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "carpe.deliveries":
            self.tell(f"sent {record.args[0]}")  # type: ignore[index]
        else:
            trouble = f" ({record.exc_info[1]!r})" if record.exc_info else ""
            self.tell(f"{'traceback' if trouble else 'said'} {record.getMessage()}{trouble}")

    def tell(self, line: str) -> None:
        os.write(self._to.fileno(), " ".join(line.split()).encode()[:2000] + b"\n")


def tick_on(url: str, rules: Path, clock: Clock, blow: Blow | None, to: Connection) -> None:
    """What the process does until it is killed: `carpe scheduler`, with shorter pauses."""
    teller = Teller(to)
    logging.basicConfig(handlers=[teller], level=logging.WARNING)
    logging.getLogger("carpe.deliveries").setLevel(logging.INFO)
    if blow:
        blow.prepare(teller.tell)
    try:
        store = open_store(url)
        begin_by_the_clock(store, clock.wall)
        rulebook = Rulebook(rules)
        scheduler = Scheduler(store, rulebook, clock.wall, boot=clock.boot, database_clock=clock.database)
    except CarpeError as error:
        teller.tell(f"refused {error}")
        sys.exit(2)
    while True:
        scheduler.tick()
        time.sleep(PAUSE)


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["engine.cli.main", "tests.torture.blows"])
