"""Event moments: what happened as a batch of occurrences.

An event of a subscription is an occurrence of that one, if the moment's `while:` concerns it. An event of a customer is
one of the customer: tried on each concerned subscription, or once without any where the customer has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from dsl.catalog import Catalog, Moment, Owner
from dsl.typed import Attribute, MomentUse
from engine.moments.calendar import event_key
from engine.moments.subjects import Occurrence, beside, concerns, key_columns
from engine.store.bulk import among
from engine.store.columns import raw_columns, read_columns, read_documents
from engine.store.documents import dump
from engine.store.tables import customers, subscriptions


def event_batch(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    events: Sequence[Any],
    attributes: Sequence[Attribute],
) -> pa.Table:
    """The occurrences that recorded events of a moment make, as a batch, in their order, then by subscription.

    `events` are rows of the table `events`; they are due when they happened, or the delay of `use` later.
    """
    moment = catalog.moments[use.moment]
    stored = [one for one in attributes if one.owner is not Owner.EVENT]
    states = _states(connection, sorted({event.customer_id for event in events}), stored)
    pairs = [
        (number, state)
        for number, event in enumerate(events)
        for state in _concerned(moment, event.subscription_id, states[event.customer_id])
    ]
    occurrences = (_occurrence(moment, use, events[number], state) for number, state in pairs)
    properties = _properties(events, [one for one in attributes if one.owner is Owner.EVENT])
    return beside(
        key_columns(occurrences),
        read_columns([state for _, state in pairs], stored),
        properties.take(pa.array([number for number, _ in pairs], pa.int64())),
    )


def _states(connection: Connection, ids: list[str], attributes: Sequence[Attribute]) -> dict[str, list[Any]]:
    """By customer: a row a subscription (or one without) of `whose`, `which`, `zone`, `status` and raw columns."""
    mine = (
        customers.c.id.label("whose"),
        subscriptions.c.id.label("which"),
        customers.c.zone.label("zone"),
        subscriptions.c.status.label("status"),
    )
    joined = customers.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id)
    statement = (
        select(*mine, *raw_columns(attributes)).select_from(joined).where(among(connection, customers.c.id, ids))
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(statement.order_by(customers.c.id, subscriptions.c.id)):
        found[row.whose].append(row)
    return found


def _concerned(moment: Moment, subscription: str | None, states: Sequence[Any]) -> Iterator[Any]:
    for state in states:
        if moment.owner is Owner.CUSTOMER:
            wanted = state.which is None or concerns(moment.statuses, state.status)
        else:
            wanted = state.which is not None and state.which == subscription and concerns(moment.statuses, state.status)
        if wanted:
            yield state


def _occurrence(moment: Moment, use: MomentUse, event: Any, state: Any) -> Occurrence:
    key, due_at = event_key(event.moment, event.source, event.id), event.occurred_at + use.delay
    return Occurrence(event.moment, use.distance, moment.owner, state.whose, state.which, key, state.zone, due_at)


def _properties(events: Sequence[Any], attributes: Sequence[Attribute]) -> pa.Table:
    """The events' own columns, a row an event; what is asked of one moment is missing at the others."""
    columns = {}
    for moment, mine in _by_moment(attributes).items():
        concerned = [event if moment in (None, event.moment) else None for event in events]
        documents = pa.array([event and dump(event.properties) for event in concerned], pa.large_string())
        table = read_documents(documents, {one.name.rpartition(".")[2]: one.type for one in mine})
        prefix = Owner.EVENT if moment is None else f"{Owner.EVENT}.{moment}"
        columns.update({f"{prefix}.{name}": table[name] for name in table.column_names})
    return pa.table(columns) if columns else pa.table({"": pa.nulls(len(events))}).drop_columns("")


def _by_moment(attributes: Sequence[Attribute]) -> dict[str | None, list[Attribute]]:
    """Those asked of any event (None), and those asked of one moment's by its name: `email_opened.message`."""
    found: dict[str | None, list[Attribute]] = defaultdict(list)
    for one in attributes:
        found[one.name.rpartition(".")[0] or None].append(one)
    return found
