"""The alarm clock: APScheduler wakes us every so often; what is due, decided and delivered is in our tables.

The job runs in one thread, never overlaps itself and never raises: a tick that fails is logged and the next one finds
the same work in the ledger.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

from engine.deliveries.outbox import deliver
from engine.errors import CarpeError
from engine.passes import run_pass
from engine.rulebook import Rulebook
from engine.store.session import Store

TICK_SECONDS = 60

_log = logging.getLogger("carpe.scheduler")


def tick(store: Store, rulebook: Rulebook, clock: Callable[[], dt.datetime]) -> bool:
    """Decide what is due, then deliver what is pending. False where something went wrong; that is logged."""
    try:
        ruleset = rulebook.good()
        report = run_pass(store, ruleset, clock())
        counts = deliver(store, ruleset, clock())
    except CarpeError as error:
        _log.error("this tick did nothing more: %s", error)
        return False
    except Exception:
        _log.exception("this tick failed; the next one takes up what is left")
        return False
    if report.total("due"):
        _log.info(
            "pass %d: %d due, %d offered, %s", report.pass_id, report.total("due"), report.total("offered"), counts
        )
    return True


def background(store: Store, rulebook: Rulebook, clock: Callable[[], dt.datetime]) -> BaseScheduler:
    """A scheduler that ticks in a thread of this process, now and every `TICK_SECONDS`; the caller shuts it down."""
    return _started(BackgroundScheduler(**_settings()), store, rulebook, clock)


def run_forever(store: Store, rulebook: Rulebook, clock: Callable[[], dt.datetime]) -> None:
    """Tick in this thread until KeyboardInterrupt or SystemExit."""
    _started(BlockingScheduler(**_settings()), store, rulebook, clock)


def _settings() -> dict[str, Any]:
    """One thread, because a tick must not meet itself; UTC, because only there no hour is skipped or repeated."""
    return {
        "timezone": dt.UTC,
        "executors": {"default": ThreadPoolExecutor(1)},
        "job_defaults": {"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    }


def _started(
    scheduler: BaseScheduler, store: Store, rulebook: Rulebook, clock: Callable[[], dt.datetime]
) -> BaseScheduler:
    scheduler.add_job(tick, "interval", (store, rulebook, clock), seconds=TICK_SECONDS, next_run_time=clock())
    scheduler.start()
    return scheduler
