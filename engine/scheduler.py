"""The scheduler: one of any number of processes, of which the one with the lease decides and delivers.

A tick, every `TICK`:

1. One transaction: is the clock as it should be (`clock_guard`), is nothing halted, is the lease ours or free.
2. Let offers lapse whose time is up, decide what is due and deliver what is pending. Each transaction of that asks
   again (`check`), renews the lease and gives a sign of life; whatever speaks against going on rolls it back and ends
   the tick.

Without the lease a tick is a sign of life and no more. A tick never raises: one that fails is logged, and the next
finds the same work in the ledger. APScheduler is only the alarm clock; it runs ticks in one thread, never two at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine import lease
from engine.alarm import Alarm
from engine.clock import boot_seconds, steady_seconds
from engine.clock_guard import ClockGuard
from engine.clock_hold import clock_state, hold_clock, remember_beat
from engine.deliveries.outbox import deliver
from engine.errors import CarpeError
from engine.halts import ClockHeld, Halted, begin_by_the_clock, halted, refuse_halted
from engine.lease import LostLease
from engine.offers.lapsing import lapse
from engine.passes import run_pass
from engine.rulebook import Rulebook
from engine.store.database_clock import database_now
from engine.store.session import Store
from engine.watchdog import Watchdog
from engine.workers import beat, bury, leave, tell_trouble, this_worker

_log = logging.getLogger("carpe.scheduler")


class Stopping(CarpeError):
    """This process was told to stop; what it had not begun is left to the next."""


class ClockStepped(CarpeError):
    """The clock of this process was set."""


class Scheduler:
    """Ticks over one store and one folder of rules. `clock` gives the present instant; the others are for tests."""

    def __init__(
        self,
        store: Store,
        rulebook: Rulebook,
        clock: Callable[[], dt.datetime],
        *,
        command: str = "carpe scheduler",
        boot: Callable[[], float] = boot_seconds,
        steady: Callable[[], float] = steady_seconds,
        database_clock: lease.Clock = database_now,
        leave_process: Callable[[int], object] = os._exit,
    ) -> None:
        self._store, self._rulebook, self._clock = store, rulebook, clock
        self._database_clock = database_clock
        self._worker = this_worker(command, clock())
        self._guard = ClockGuard(clock, boot)
        self._alarm = Alarm(self.tick, clock)
        self._watchdog = Watchdog(steady, leave_process, self._alarm.ring_if_late)
        self._token: int | None = None
        self._stopping = threading.Event()
        self._said = ""
        self._told: str | None = None

    @property
    def id(self) -> str:
        """The name of this process among the workers."""
        return self._worker.id

    # --- one tick ----------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Decide what is due and deliver what is pending, if this process is the one. False where something failed."""
        self._watchdog.alive()
        try:
            return self._tick()
        except ClockStepped as error:
            return self._hold(str(error))
        except CarpeError as error:
            _log.error("this tick did nothing more: %s", error)
        except Exception:
            _log.exception("this tick failed; the next one takes up what is left")
        return False

    def _tick(self) -> bool:
        trouble = self._rulebook.trouble()
        try:
            with self._store.write() as connection:
                self._tell(connection, trouble)
                ours = self._begin(connection)
            if ours:
                self._work()
        except Halted as halt:
            self._say(logging.WARNING, str(halt))
        except LostLease as lost:
            self._token = None
            self._say(logging.WARNING, str(lost))
        except Stopping as stopping:
            self._say(logging.INFO, str(stopping))
        return True

    def _begin(self, connection: sa.Connection) -> bool:
        """A sign of life; then whether this process works now."""
        now = self._clock()
        beat(connection, self._worker, now)
        bury(connection, now)
        state = clock_state(connection)
        if state.hold is not None:
            self._say(logging.WARNING, str(ClockHeld(state.hold.reason)))
            return False
        if wrong := self._guard.look(state.accepted):
            raise ClockStepped(wrong)
        if not self._has_lease(connection):
            self._say(logging.INFO, "another scheduler works; this one waits")
            return False
        remember_beat(connection, now)
        if halt := halted(connection):
            self._say(logging.WARNING, str(halt))
        return halt is None

    def _tell(self, connection: sa.Connection, trouble: str | None) -> None:
        """Beside the sign of life, what is wrong with the rules; written where it changed."""
        if trouble != self._told:
            tell_trouble(connection, self._worker, trouble)
            self._told = trouble

    def _has_lease(self, connection: sa.Connection) -> bool:
        if self._token is not None:
            try:
                lease.renew(connection, self._worker.id, self._token, self._database_clock)
            except LostLease:
                self._token = None
        if self._token is None:
            self._token = lease.acquire(connection, self._worker.id, self._database_clock)
        return self._token is not None

    def _work(self) -> None:
        ruleset = self._rulebook.good()
        lapse(self._store, self._clock(), check=self.check)
        report = run_pass(self._store, ruleset, self._clock(), check=self.check)
        counts = deliver(self._store, ruleset, self._clock(), check=self.check)
        self._said = ""
        if report.total("due"):
            offered = report.total("offered")
            _log.info("pass %d: %d due, %d offered, %s", report.pass_id, report.total("due"), offered, counts)

    def check(self, connection: sa.Connection) -> None:
        """Asked first in every transaction of the work: may this process go on, and is it still the one?

        Renews the lease and gives a sign of life. Raises Stopping, Halted, ClockStepped or LostLease.
        """
        self._watchdog.alive()
        if self._stopping.is_set():
            raise Stopping()
        refuse_halted(connection)
        if wrong := self._guard.look(clock_state(connection).accepted):
            raise ClockStepped(wrong)
        if self._token is None:
            raise LostLease()
        lease.renew(connection, self._worker.id, self._token, self._database_clock)
        now = self._clock()
        beat(connection, self._worker, now)
        remember_beat(connection, now)

    def _hold(self, wrong: str) -> bool:
        """Have every process of this store stop until a person accepts the clock."""
        self._say(logging.ERROR, str(ClockHeld(wrong)))
        try:
            with self._store.write() as connection:
                hold_clock(connection, wrong, self._clock())
                beat(connection, self._worker, self._clock())
        except (CarpeError, SQLAlchemyError) as error:
            _log.error("the clock could not be held yet: %s", error)
        return False

    def _say(self, level: int, sentence: str) -> None:
        """Log what keeps this process from working, once until it changes."""
        if sentence != self._said:
            _log.log(level, sentence)
            self._said = sentence

    # --- a life of ticks ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Register, then tick in a thread of this process, now and every `TICK`."""
        begin_by_the_clock(self._store, self._clock)
        with self._store.write() as connection:
            beat(connection, self._worker, self._clock())
        self._watchdog.alive()
        self._watchdog.start()
        self._alarm.start()

    def stop(self) -> None:
        """End the tick after its present transaction, let go of the lease, and leave no row behind."""
        self._stopping.set()
        self._alarm.stop()
        self._watchdog.stop()
        try:
            with self._store.write() as connection:
                if self._token is not None:
                    lease.release(connection, self._worker.id, self._token)
                leave(connection, self._worker)
        except (CarpeError, SQLAlchemyError) as error:
            _log.error("this process could not sign off: %s", error)
