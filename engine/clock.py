"""The clocks: the only place that asks what time it is. Everything else is told (`now` is an argument).

The clock on the wall can be set; the other two cannot, and tell only how much time passed.
"""

from __future__ import annotations

import datetime as dt
import time

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # elsewhere than on Linux sleep may not count


def utc_now() -> dt.datetime:
    """This instant, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def boot_seconds() -> float:
    """Seconds since the machine started, those it slept included."""
    return time.clock_gettime(_BOOT)


def steady_seconds() -> float:
    """Seconds that the machine was awake: for how long this process gave no sign of life."""
    return time.monotonic()
