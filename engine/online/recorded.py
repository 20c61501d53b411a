"""Recorded events decided by the calls of a pass, and what was decided for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.moments.calendar import event_key
from engine.passes.happened import EVENTS, OLDEST_FIRST, WAITING, decide_happened
from engine.passes.report import PassReport
from engine.passes.this_pass import Pass
from engine.plans import Plans
from engine.reports.decisions import DecisionLine, decisions
from engine.store.bulk import among
from engine.store.session import Store
from engine.store.tables import events


def decide_recorded(
    connection: sa.Connection, store: Store, plans: Plans, source: str, ids: Sequence[str], now: dt.datetime
) -> dict[str, tuple[DecisionLine, ...]]:
    """Decide those events of a source that wait, and answer what was decided for each that is there, by id.

    Those of one customer and one instant are one occasion.
    """
    if waiting := _waiting(connection, source, ids):
        this = Pass(store, plans, now, "event", PassReport(None, now.date()), lambda _: None)
        decide_happened(connection, this, waiting)
    these = sa.and_(events.c.source == source, among(connection, events.c.id, ids))
    found = connection.execute(sa.select(events.c.id, events.c.moment, events.c.customer_id).where(these)).all()
    return {
        key: decisions(connection, customer=customer, occurrence=event_key(moment, source, key))
        for key, moment, customer in found
    }


def _waiting(connection: sa.Connection, source: str, ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    these = sa.and_(events.c.source == source, among(connection, events.c.id, ids), WAITING)
    return connection.execute(EVENTS.where(these).order_by(*OLDEST_FIRST).with_for_update(of=events)).all()
