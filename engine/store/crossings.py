"""The events that meters make when they pass a level of their quota: their names, and how they are found again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from dsl.catalog import Catalog, Moment
from dsl.datatypes import Value
from engine.store.bulk import among
from engine.store.documents import encode
from engine.store.events import Event
from engine.store.meters import Kept, Reading
from engine.store.quotas import crossing_moments
from engine.store.tables import events, subscriptions

SOURCE = "meter"
"""The source of every crossing's event."""

LONGEST_ID = 200


def crossing_event(
    moment: Moment, customer_id: str, reading: Reading, level: Decimal, now: Kept, period: dt.date
) -> Event:
    """That `reading` (kept as `now`) passed a level, in percent, in the billing period that began on `period`."""
    values: dict[str, Value] = {"meter": reading.meter, "level": level, "used": now.used, "quota": now.quota or 0.0}
    passed = f"{moment.name}:{reading.meter}:{encode(moment.properties['level'], level)}:{period.isoformat()}"
    key = _event_id(reading.subscription_id, passed)
    return Event(key, moment.name, customer_id, now.read_at, values, reading.subscription_id, SOURCE)


def _event_id(subscription: str, passed: str) -> str:
    """The crossing's name; a subscription's id that is too long for it is named by its hash."""
    if len(subscription) + 1 + len(passed) > LONGEST_ID:
        subscription = hashlib.blake2b(subscription.encode(), digest_size=16).hexdigest()
    return f"{subscription}:{passed}"


def crossings_of(connection: Connection, catalog: Catalog, batch: Sequence[Reading]) -> Sequence[Row[Any]]:
    """The recorded events that meters made of the batch's subscriptions' customers in the batch's time, by id."""
    moments = [one.name for one in crossing_moments(catalog)]
    instants = [one.read_at for one in batch]
    if not moments or not instants:
        return ()
    ids = sorted({one.subscription_id for one in batch})
    owners = select(subscriptions.c.customer_id).where(among(connection, subscriptions.c.id, ids))
    mine = and_(events.c.customer_id.in_(owners), events.c.source == SOURCE, events.c.moment.in_(moments))
    at = events.c.occurred_at.between(min(instants), max(instants))
    return connection.execute(select(events).where(mine, at).order_by(events.c.id)).all()
