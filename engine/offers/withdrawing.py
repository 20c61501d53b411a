"""Offers that are taken back: by a person, or because no message of them ever left, so that nobody was offered them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from engine.budgets.settling import Settled
from engine.offers.ending import end_offers
from engine.offers.states import LIVE, State
from engine.store.bulk import among
from engine.store.session import Store
from engine.store.tables import deliveries, offers

NEVER_LEFT = "no message of it left"


def withdraw_rule(store: Store, rule: str, now: dt.datetime, *, by: str, reason: str, batch: int = 500) -> int:
    """Withdraws every live offer of a rule, some at a time; how many."""
    withdrawn = 0
    while True:
        with store.write() as connection:
            live = sa.select(offers.c.id).where(offers.c.rule == rule, offers.c.state.in_(LIVE))
            ids = connection.scalars(live.order_by(offers.c.id).limit(batch)).all()
            if not ids:
                return withdrawn
            withdrawn += len(end_offers(connection, ids, State.WITHDRAWN, now, by=by, reason=reason))


def withdraw_customer(connection: sa.Connection, customer_id: str, now: dt.datetime) -> tuple[str, ...]:
    """Withdraws every live offer to a customer who is about to be erased, so that no budget waits for their answer."""
    live = sa.select(offers.c.id).where(offers.c.customer_id == customer_id, offers.c.state.in_(LIVE))
    return end_offers(connection, connection.scalars(live).all(), State.WITHDRAWN, now)


def withdraw_undelivered(connection: sa.Connection, decisions: Sequence[str], now: dt.datetime) -> tuple[str, ...]:
    """Withdraws those of the decisions' offers that have messages of which none left or still may: their ids.

    What they took of their budgets is free again, the customer's place too.
    """
    theirs = sa.select(deliveries.c.id).where(deliveries.c.decision_id == offers.c.id)
    may_leave = theirs.where(deliveries.c.state.in_(("pending", "sent"))).exists()
    unseen = sa.select(offers.c.id).where(among(connection, offers.c.id, decisions), offers.c.state == State.OFFERED)
    ids = connection.scalars(unseen.where(theirs.exists(), ~may_leave).order_by(offers.c.id)).all()
    return end_offers(connection, ids, State.WITHDRAWN, now, reason=NEVER_LEFT, settled=Settled.UNDONE)
