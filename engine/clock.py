"""The clock on the wall: the only place that asks what time it is. Everything else is told (`now` is an argument)."""

from __future__ import annotations

import datetime as dt


def utc_now() -> dt.datetime:
    """This instant, aware, in UTC."""
    return dt.datetime.now(dt.UTC)
