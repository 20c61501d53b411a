"""The events of a kind that happened on a local day, decided or not: what a preview of an event moment counts."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.store.tables import customers, events

_WIDEST = dt.timedelta(hours=15)
"""No local time is further from UTC."""


def day_events(connection: sa.Connection, moment: str, day: dt.date) -> list[sa.Row[Any]]:
    """Rows of `events` whose customer's local date was `day`, by time."""
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    query = (
        sa.select(events, customers.c.zone)
        .join(customers)
        .where(events.c.moment == moment)
        .where(events.c.occurred_at.between(midnight - _WIDEST, midnight + dt.timedelta(days=1) + _WIDEST))
        .order_by(events.c.occurred_at, events.c.source, events.c.id)
    )
    return [row for row in connection.execute(query) if row.occurred_at.astimezone(ZoneInfo(row.zone)).date() == day]
