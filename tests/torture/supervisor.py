"""The supervisor of two schedulers: starts each that died anew, and lets happen to them what happens to processes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.lease import LostLease
from tests.torture.blows import FORKS, POINTS, Blow, Clock, tick_on
from tests.torture.databases import LOCKED, Database

STOPPED = 3.0
"""Seconds of a stop: the lease lasts half as long."""
FULL = 1.5
"""Seconds for which the disk is full."""
OK, REFUSED = -signal.SIGKILL, 2
"""How a process may end: killed, or with one sentence because it could not start."""


class Torture:
    """The supervisor of two schedulers, and what happens to them. `seen` counts it."""

    def __init__(self, database: Database, rules: Path, clock: Clock, rng: random.Random) -> None:
        self.database, self.rules, self.clock, self.rng = database, rules, clock, rng
        self.seen: Counter[str] = Counter()
        self.struck: Counter[str] = Counter(dict.fromkeys(POINTS, 0))
        self.lines: Counter[int] = Counter()  # messages in the log, by delivery
        self.said: Counter[str] = Counter()
        self._faults = [self._stop, self._lock, self._restart if database.is_server else self._fill]
        self._processes: list = []
        self._stopped: dict[int, tuple[float, int | None]] = {}  # until when, and the token at that time
        self._full_until = 0.0
        self._locks: list[threading.Thread] = []
        self._heard, self._told = FORKS.Pipe(duplex=False)
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def last(self, seconds: float, at_most: float) -> None:
        """Torment them for so many seconds: kills one after the other, and what takes longer every few seconds.

        Where a named place was not struck by then, go on until it is, for at most so many seconds in all.
        """
        begun = time.monotonic()
        next_kill = next_fault = begun + 1
        faults: list[Callable[[], None]] = []
        while (now := time.monotonic()) < begun + (seconds if min(self.struck.values()) else at_most):
            self._supervise(now)
            if now >= next_kill:
                self._kill()
                next_kill = now + self.rng.uniform(4.0, 12.0)
            if now >= next_fault:
                faults = faults or self.rng.sample(self._faults, len(self._faults))
                faults.pop()()
                next_fault = now + self.rng.uniform(6.0, 12.0)
            time.sleep(0.02)

    def end(self) -> None:
        """Nobody is left, and everything that they said is heard."""
        for thread in self._locks:
            thread.join()
        for process in self._processes:
            process.kill()
            process.join()
        self._told.close()
        self._ear.join()

    # --- the supervisor ----------------------------------------------------------------------------------------------

    def _supervise(self, now: float) -> None:
        for process in self._processes:
            if process.exitcode is not None:
                assert process.exitcode in (OK, REFUSED), f"a scheduler ended with {process.exitcode}"
        self._processes = [each for each in self._processes if each.exitcode is None]
        while len(self._processes) < 2:
            self._processes.append(self._start())
        for process, (until, token) in list(self._stopped.items()):
            if now >= until:
                self._wake(process, token)
        if self._full_until and now >= self._full_until:
            self._full_until = 0.0
            self.database.fill(self._alive(), full=False)

    def _start(self):
        blow = None
        if self.rng.random() < 0.9:
            least = min(self.struck.values()) + 1  # a place that is seldom reached must not keep the others from blows
            point = self.rng.choice([each for each, count in self.struck.items() if count <= least])
            number = signal.SIGSTOP if self.rng.random() < 0.25 else signal.SIGKILL
            blow = Blow(point, self.rng.randint(1, POINTS[point][3]), number)
        process = FORKS.Process(target=tick_on, args=(self.database.url, self.rules, self.clock, blow, self._told))
        process.start()
        self.seen["started"] += 1
        return process

    def _wake(self, process: int, token: int | None) -> None:
        """Go on, perhaps to find that another took over: nothing of what was under way may land then."""
        holder = self.database.holder()
        if token is not None and holder is not None and holder[1] > token:
            self.seen["woken after a takeover"] += 1
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
        del self._stopped[process]

    def _alive(self) -> list[int]:
        return [each.pid for each in self._processes if each.exitcode is None]

    def _listen(self) -> None:
        with os.fdopen(os.dup(self._heard.fileno()), "r", encoding="utf-8") as lines:
            for line in lines:
                self._hear(line.rstrip("\n"))

    def _hear(self, line: str) -> None:
        kind, _, rest = line.partition(" ")
        if kind == "sent":
            self.lines[int(rest)] += 1
        elif kind == "struck":
            name, process, point = rest.split(" ", 2)
            self.struck[point] += 1
            self.seen["killed at a named place" if name == "SIGKILL" else "stopped at a named place"] += 1
            if name == "SIGSTOP":
                holder = self.database.holder()
                self._stopped[int(process)] = (time.monotonic() + STOPPED, holder[1] if holder else None)
        else:
            self.said[line] += 1
            self.seen["ticks that failed"] += rest.startswith("this tick")
            self.seen["fenced off"] += rest == str(LostLease())
            self.seen["refused to start"] += kind == "refused"

    # --- what happens to them ----------------------------------------------------------------------------------------

    def _kill(self) -> None:
        """Mostly the one that works, sometimes the one that waits."""
        holder, alive = self.database.holder(), [each for each in self._alive() if each not in self._stopped]
        works = [each for each in alive if holder and each == holder[0]]
        if chosen := (works if works and self.rng.random() < 0.7 else alive):
            os.kill(self.rng.choice(chosen), signal.SIGKILL)
            self.seen["killed at random"] += 1

    def _stop(self) -> None:
        """The one that works, beyond its lease."""
        holder = self.database.holder()
        if holder and holder[0] in self._alive() and holder[0] not in self._stopped:
            os.kill(holder[0], signal.SIGSTOP)
            self._stopped[holder[0]] = (time.monotonic() + STOPPED, holder[1])
            self.seen["stopped beyond the lease"] += 1

    def _lock(self) -> None:
        self._locks.append(threading.Thread(target=self.database.lock, args=(len(self._locks),)))
        self._locks[-1].start()
        self.seen[f"locked for {LOCKED:.0f} s"] += 1

    def _restart(self) -> None:
        self.database.restart()
        self.seen["restarted"] += 1

    def _fill(self) -> None:
        self.database.fill(self._alive(), full=True)
        self._full_until = time.monotonic() + FULL
        self.seen["disks full"] += 1
