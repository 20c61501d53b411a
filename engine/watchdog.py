"""The watchdog: a process whose ticking thread is stuck ends itself, so that its supervisor starts another.

A thread that hangs cannot be ended in Python, and a scheduler that hangs without a word is the outage that nobody
notices. Nothing is lost: the transaction under way is rolled back by the database, the next process finds its work.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from engine.workers import MISSED, TICK

SILENCE = (MISSED * TICK).total_seconds() + 600
"""Seconds without a sign of life: two missed ticks, and ten minutes for one long step (dates indexed anew)."""

EXIT = 70
"""The exit code of an internal error (sysexits.h)."""

_log = logging.getLogger("carpe.watchdog")


class Watchdog:
    """`alive` is called by whoever works; `look` every so often by the thread that `start` makes.

    `steady` gives seconds that the machine was awake, `leave` ends the process, `also` is done at every look.
    """

    def __init__(
        self,
        steady: Callable[[], float],
        leave: Callable[[int], object] = os._exit,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._steady, self._leave, self._also = steady, leave, also
        self._last = steady()
        self._stopped = threading.Event()

    def alive(self) -> None:
        self._last = self._steady()

    def look(self) -> None:
        """End the process where nobody gave a sign of life for `SILENCE`."""
        silent = self._steady() - self._last
        if silent > SILENCE:
            _log.critical(
                "The scheduler gave no sign of life for %d minutes: this process ends with code %d to be started anew.",
                silent // 60,
                EXIT,
            )
            self._leave(EXIT)
        self._also()

    def start(self, every: float = 10) -> None:
        """Look every so many seconds in a thread of this process until `stop`."""
        threading.Thread(target=self._run, args=(every,), name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self, every: float) -> None:
        while not self._stopped.wait(every):
            self.look()
