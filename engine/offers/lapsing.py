"""Offers whose time is up: a step of every pass, some at a time, so that a killed one goes on where it stopped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from engine.offers.ending import end_offers
from engine.offers.states import LIVE, State
from engine.store.session import Store
from engine.store.tables import offers

Check = Callable[[sa.Connection], None]


def lapse(store: Store, now: dt.datetime, *, batch: int = 500, check: Check = lambda connection: None) -> int:
    """Lets every offer lapse whose time is up at `now`; how many were looked at.

    `check` is asked first in every transaction that writes.
    """
    looked_at = 0
    while found := step(store, now, batch, check):
        looked_at += found
    return looked_at


def step(store: Store, now: dt.datetime, batch: int, check: Check) -> int:
    """1. Find up to `batch` offers, those first that are over for longest. 2. End them, in one transaction."""
    with store.read() as connection:
        due = sa.select(offers.c.id).where(offers.c.state.in_(LIVE), offers.c.expires_at <= now)
        ids = connection.scalars(due.order_by(offers.c.expires_at, offers.c.id).limit(batch)).all()
    if not ids:
        return 0
    with store.write() as connection:
        check(connection)
        end_offers(connection, ids, State.LAPSED, now)  # but for those that somebody answered meanwhile
    return len(ids)
