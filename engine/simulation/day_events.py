"""The events of a kind that are met on a local day, decided or not: what a preview of an event moment counts."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.store.tables import customers, events

_WIDEST = dt.timedelta(hours=15)
"""No local time is further from UTC."""


def day_events(
    connection: sa.Connection, moment: str, day: dt.date, delay: dt.timedelta = dt.timedelta(0)
) -> list[sa.Row[Any]]:
    """Rows of `events` (with `zone` and `shard`) by time, where it was the customer's local `day` the delay after."""
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC) - delay
    query = (
        sa.select(events, customers.c.zone, customers.c.shard)
        .join(customers)
        .where(events.c.moment == moment)
        .where(events.c.occurred_at.between(midnight - _WIDEST, midnight + dt.timedelta(days=1) + _WIDEST))
        .order_by(events.c.occurred_at, events.c.source, events.c.id)
    )
    found = connection.execute(query)
    return [row for row in found if (row.occurred_at + delay).astimezone(ZoneInfo(row.zone)).date() == day]
