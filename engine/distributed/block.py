"""What a snapshot keeps of a block of customers, as it is asked of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import Connection, Select, Text, cast, select

from engine.distributed.layout import ASSIGNMENTS, DECISIONS, OFFERS
from engine.offers.states import LIVE, State
from engine.store.bulk import among
from engine.store.columns import raw_columns, read_columns
from engine.store.snapshot.pairs import INTERVAL
from engine.store.tables import (
    assignments,
    customers,
    decisions,
    delayed,
    deliveries,
    events,
    moves,
    offers,
    readings,
    subscriptions,
    suppressions,
)


def people_of(connection: Connection, attributes: Sequence[Any], ids: Sequence[str]) -> Select[Any]:
    own = (customers.c.id.label("whose"), customers.c.zone.label("in_zone"), customers.c.shard.label("of_shard"))
    asked = select(*own, *raw_columns(attributes)).where(among(connection, customers.c.id, ids))
    return asked.order_by(customers.c.id)


def customer_columns(rows: Sequence[Any], moved: Sequence[str], attributes: Sequence[Any]) -> pa.Table:
    gone = frozenset(moved)
    columns = {
        "customer.id": pa.array([row.whose for row in rows], pa.string()),
        "zone": pa.array([row.in_zone for row in rows], pa.string()),
        "shard": pa.array([row.of_shard for row in rows], pa.int64()),
        "moved": pa.array([row.whose in gone for row in rows], pa.bool_()),
    }
    return _beside(columns, rows, attributes)


def moved_ever(connection: Connection, ids: Sequence[str]) -> Sequence[str]:
    """Those whose calendar changed; who is only new has nothing before."""
    mine = among(connection, moves.c.customer_id, ids)
    return connection.scalars(select(moves.c.customer_id).distinct().where(moves.c.before.is_not(None), mine)).all()


def held_by(connection: Connection, attributes: Sequence[Any], ids: Sequence[str]) -> Select[Any]:
    own = (
        subscriptions.c.customer_id.label("whose"),
        subscriptions.c.id.label("which"),
        subscriptions.c.status.label("in_status"),
        INTERVAL.label("every"),
    )
    asked = select(*own, *raw_columns(attributes)).where(among(connection, subscriptions.c.customer_id, ids))
    return asked.order_by(subscriptions.c.customer_id, subscriptions.c.id)


def subscription_columns(rows: Sequence[Any], attributes: Sequence[Any]) -> pa.Table:
    names = {"customer.id": "whose", "subscription.id": "which", "status": "in_status", "interval": "every"}
    columns = {name: pa.array([getattr(row, label) for row in rows], pa.string()) for name, label in names.items()}
    return _beside(columns, rows, attributes)


def _beside(columns: dict[str, pa.Array], rows: Sequence[Any], attributes: Sequence[Any]) -> pa.Table:
    found = read_columns(rows, attributes)
    return pa.table(columns | {name: found[name] for name in found.column_names})


def happened_to(connection: Connection, moment: str, ids: Sequence[str]) -> Select[Any]:
    own = (events.c.customer_id, events.c.subscription_id, events.c.source, events.c.id)
    asked = select(*own, events.c.occurred_at, events.c.recorded_at, cast(events.c.properties, Text), events.c.state)
    mine = asked.where(events.c.moment == moment, among(connection, events.c.customer_id, ids))
    return mine.order_by(events.c.customer_id, events.c.occurred_at)


def met_after(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = (events.c.customer_id, delayed.c.source, delayed.c.event_id, events.c.occurred_at, delayed.c.offset)
    marked = delayed.join(events, (events.c.source == delayed.c.source) & (events.c.id == delayed.c.event_id))
    mine = among(connection, events.c.customer_id, ids)
    return select(*own).select_from(marked).where(mine).order_by(events.c.customer_id, events.c.occurred_at)


def decided_about(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    """All of it, and of each whether everything that was to be sent is withheld."""
    sent = deliveries.c.decision_id == decisions.c.id
    withheld = sa.exists().where(sent) & ~sa.exists().where(sent, deliveries.c.state != "withheld")
    own = {"customer.id": decisions.c.customer_id, "withheld": withheld}
    asked = select(*(own[name] if name in own else decisions.c[name] for name in DECISIONS.names))
    mine = among(connection, decisions.c.customer_id, ids)
    return asked.where(mine).order_by(decisions.c.customer_id, decisions.c.due_at)


def offered_to(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    """What still says anything: the offers that stand, and those that were accepted or declined."""
    own = {"customer.id": offers.c.customer_id, "subscription.id": offers.c.subscription_id}
    asked = select(*(own[name] if name in own else offers.c[name] for name in OFFERS.names))
    mine = among(connection, offers.c.customer_id, ids), offers.c.state.in_((*LIVE, State.ACCEPTED, State.DECLINED))
    return asked.where(*mine).order_by(offers.c.customer_id, offers.c.id)


def assigned_to(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = {"customer.id": assignments.c.customer_id}
    asked = select(*(own[name] if name in own else assignments.c[name] for name in ASSIGNMENTS.names))
    mine = among(connection, assignments.c.customer_id, ids)
    return asked.where(mine).order_by(assignments.c.customer_id, assignments.c.experiment)


def suppressed(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    """Customers by id; addresses are looked at when a message leaves, here in the store."""
    mine = suppressions.c.kind == "customer", among(connection, suppressions.c.who, ids)
    return select(suppressions.c.who, suppressions.c.channel).where(*mine).order_by(suppressions.c.who)


def read_by(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = (readings.c.subscription_id, readings.c.meter, readings.c.read_at, readings.c.used)
    owned = readings.join(subscriptions, subscriptions.c.id == readings.c.subscription_id)
    mine = among(connection, subscriptions.c.customer_id, ids)
    asked = select(subscriptions.c.customer_id, *own).select_from(owned).where(mine)
    return asked.order_by(subscriptions.c.customer_id, readings.c.subscription_id, readings.c.read_at)
