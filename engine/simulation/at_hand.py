"""A moment at hand: one customer's occurrence of any moment, taken as due, as a batch of a pass would have it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa
from sqlalchemy import Connection

from dsl.catalog import Catalog, MomentKind, Owner
from dsl.datatypes import Value
from dsl.typed import MomentUse
from engine.decisions.occasions import Part
from engine.happenings.history import with_history
from engine.moments.subjects import Occurrence, beside, concerns, key_columns
from engine.plans import Plans
from engine.privacy import Row
from engine.store.events import Event
from engine.store.rows import joined, table_of
from engine.store.state import CustomerState


def part_at_hand(
    connection: Connection,
    plans: Plans,
    state: CustomerState,
    use: MomentUse,
    day: dt.date,
    due_at: dt.datetime,
    key: str,
    *,
    subscription: str | None = None,
    properties: Mapping[str, Value] | None = None,
    recorded: bool = True,
) -> Part | None:
    """The occurrence `key` of one customer (and of one `subscription` if it is said), or None if nobody is concerned.

    `properties` are the event's, by bare name. One that is not `recorded` counts in its own rules' conditions all the
    same.
    """
    plan = plans.plan(use, day)
    held = concerned(plans.catalog, state, use, subscription)
    if not held or not plan.numbers:
        return None
    owner = owner_of(plans.catalog, use)
    event = event_row(use.moment, properties or {})
    occurrences = [
        Occurrence(use.moment, use.distance, owner, state.id, each, key, state.zone, due_at) for each in held
    ]
    rows: list[Row] = [{**joined(state, each), **event} for each in held]
    table: pa.Table = beside(key_columns(occurrences), table_of(rows, plans.reads(use, plan)))
    told = Event("asked", use.moment, state.id, due_at, properties or {}, subscription)
    supposed = () if recorded or not _happens(plans.catalog, use) else (told,)
    known = with_history(connection, plans.catalog, table, plan.terms, day, supposed)
    return Part(use, day, known, plan, plans.rules(use))


def event_row(moment: str, properties: Mapping[str, Value]) -> Row:
    """An event's properties as a row has them: by bare name, and by the moment's own."""
    prefixes = ("event", f"event.{moment}")
    return {f"{prefix}.{name}": value for prefix in prefixes for name, value in properties.items()}


def _happens(catalog: Catalog, use: MomentUse) -> bool:
    """Whether the moment is something that happens."""
    declared = catalog.moments.get(use.moment)
    return declared is not None and declared.kind in (MomentKind.EVENT, MomentKind.CROSSING)


def owner_of(catalog: Catalog, use: MomentUse) -> Owner:
    """Whose the moment is; a calendar date is the customer's."""
    return Owner.CUSTOMER if use.date is not None else catalog.moments[use.moment].owner


def concerned(catalog: Catalog, state: CustomerState, use: MomentUse, subscription: str | None) -> list[str | None]:
    """The ids of the subscriptions that the moment concerns; [None] for a customer without any."""
    owner = owner_of(catalog, use)
    statuses = None if use.date is not None else catalog.moments[use.moment].statuses
    if not state.subscriptions:
        return [None] if owner is Owner.CUSTOMER and subscription is None else []
    return [
        str(row["subscription.id"])
        for row in state.subscriptions
        if concerns(statuses, _text(row.get("subscription.status")))
        and (subscription is None or row["subscription.id"] == subscription)
    ]


def _text(value: Value | None) -> str | None:
    return None if value is None else str(value)
