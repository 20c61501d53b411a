"""The alarm clock: APScheduler wakes us every so often. What is due, decided and delivered is in our tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from engine.workers import TICK


class Alarm:
    """Calls `job` in one thread, now and every `TICK`. `clock` gives the present instant."""

    def __init__(self, job: Callable[[], object], clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        # One thread, because a tick must not meet itself; UTC, because only there no hour is skipped or repeated.
        self._scheduler = BackgroundScheduler(
            timezone=dt.UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._job = self._scheduler.add_job(job, "interval", seconds=TICK.total_seconds(), next_run_time=clock())

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Wait for the job that runs, if one does; none begins any more."""
        self._scheduler.shutdown(wait=True)

    def ring_if_late(self) -> None:
        """APScheduler counts by the clock on the wall: set back by a day, it would sleep for a day. Ring now then."""
        if self._scheduler.running and self._job.next_run_time - self._clock() > 2 * TICK:
            self._job.modify(next_run_time=self._clock())
