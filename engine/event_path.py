"""The way of one event: recorded once, decided at once where the caller asks, by the calls of a pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.catalog import Moment
from dsl.datatypes import Value
from dsl.suggestions import hint
from dsl.typed import MomentUse, Ruleset
from engine.errors import CarpeError
from engine.halts import refuse_halted
from engine.moments.calendar import event_key
from engine.passes.happened import EVENTS, OLDEST_FIRST, WAITING, decide_happened
from engine.passes.report import PassReport
from engine.passes.this_pass import Pass
from engine.plans import plans_of
from engine.reports.decisions import DecisionLine, decisions
from engine.simulation.at_hand import part_at_hand
from engine.simulation.occasion import would_be
from engine.store.bulk import among
from engine.store.documents import Json
from engine.store.events import Event, Fault, put_events
from engine.store.properties import PropertyRefused, read_properties
from engine.store.session import Store
from engine.store.state import CustomerState, customer_rows
from engine.store.tables import events


class EventRefused(CarpeError):
    """An event or a question that cannot be taken; `field` is the part of it at fault, `unknown` what nobody knows."""

    def __init__(self, field: str, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.field, self.reason, self.unknown = field, reason, unknown


class EventConflict(CarpeError):
    """The id was recorded before with another body; what was recorded first stays."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event as a program tells it; `properties` as JSON has them."""

    source: str
    id: str
    moment: str
    customer: str
    occurred_at: dt.datetime
    subscription: str | None = None
    properties: Mapping[str, Json] = field(default_factory=dict)


CountsAs = Literal["moment", "history"]
"""What an event is: a moment that rules meet, or history, because it came too late, that only conditions count."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an event that was told."""

    state: Literal["new", "same"]
    counts_as: CountsAs


def counts_as(state: str) -> CountsAs:
    """The same of a row of `events`."""
    return "history" if state == "history" else "moment"


def record(store: Store, ruleset: Ruleset, event: IncomingEvent, now: dt.datetime) -> Kept:
    """Keep an event, once: the same body again changes nothing. Raises EventRefused or EventConflict."""
    moment = _event_moment(ruleset, event.moment)
    kept = Event(
        event.id,
        event.moment,
        event.customer,
        event.occurred_at,
        _properties(ruleset, moment, event.properties),
        event.subscription,
        event.source,
    )
    with store.write() as connection:
        recorded = put_events(connection, ruleset.catalog, [kept], now, catch_up=plans_of(ruleset).event_bounds)
        this = sa.and_(events.c.source == event.source, events.c.id == event.id)
        state = connection.scalar(sa.select(events.c.state).where(this))
    for refusal in recorded.refusals:
        if refusal.fault is Fault.CONFLICT:
            raise EventConflict()
        unknown = refusal.fault in (Fault.UNKNOWN_CUSTOMER, Fault.UNKNOWN_SUBSCRIPTION)
        raise EventRefused(refusal.column, f"{refusal.column} “{refusal.value}”: {refusal.reason}", unknown=unknown)
    return Kept("new" if recorded.new else "same", counts_as(str(state)))


def decide_event(
    store: Store, ruleset: Ruleset, source: str, event_id: str, now: dt.datetime
) -> tuple[DecisionLine, ...]:
    """Decide a recorded event if that was not done, and answer what was decided; nothing for one that is history.

    Raises Halted while nothing is decided; the event then waits for a pass.
    """
    return decide_events_of(store, ruleset, source, [event_id], now).get(event_id, ())


def decide_events_of(
    store: Store, ruleset: Ruleset, source: str, ids: Sequence[str], now: dt.datetime
) -> dict[str, tuple[DecisionLine, ...]]:
    """The same for several events of a source, by id: those of one customer and one instant are one occasion."""
    this = Pass(store, plans_of(ruleset), now, "event", PassReport(None, now.date()), refuse_halted)
    with this.write() as connection:
        if waiting := _waiting(connection, source, ids):
            decide_happened(connection, this, waiting)
        these = sa.and_(events.c.source == source, among(connection, events.c.id, ids))
        moments = connection.execute(sa.select(events.c.id, events.c.moment).where(these)).all()
        return {key: decisions(connection, occurrence=event_key(moment, source, key)) for key, moment in moments}


def would_decide(
    store: Store,
    ruleset: Ruleset,
    moment: str,
    customer_id: str,
    now: dt.datetime,
    *,
    subscription_id: str | None = None,
    properties: Mapping[str, Json] | None = None,
    day: dt.date | None = None,
) -> tuple[DecisionLine, ...]:
    """What would be decided if the customer met the moment now (or on `day`). Writes nothing.

    Raises EventRefused, or Halted while nothing is decided. A scheduled moment is taken as due; its rules are asked
    offset by offset, each an occasion of its own.
    """
    plans = plans_of(ruleset)
    uses = _uses(ruleset, moment)
    given = {} if not properties else _properties(ruleset, _event_moment(ruleset, moment), properties)
    with store.read() as connection:
        refuse_halted(connection)
        state = _customer(connection, ruleset, customer_id, subscription_id)
        local_day = day or now.astimezone(ZoneInfo(state.zone)).date()
        parts = [
            part_at_hand(
                connection,
                plans,
                state,
                use,
                local_day,
                now,
                f"{moment}:asked",
                subscription=subscription_id,
                properties=given,
                recorded=False,
            )
            for use in uses
        ]
    return tuple(line for part in parts if part for line in would_be(plans, [part], now))


def _event_moment(ruleset: Ruleset, name: str) -> Moment:
    moment = ruleset.catalog.moments.get(name)
    if moment is None or moment.attribute is not None:
        known = [each.name for each in ruleset.catalog.moments.values() if each.attribute is None]
        near = hint(name, known)
        raise EventRefused("moment", f"“{name}” is no event of the catalog" + (f"; {near}" if near else ""))
    return moment


def _properties(ruleset: Ruleset, moment: Moment, given: Mapping[str, Json]) -> dict[str, Value]:
    try:
        return read_properties(ruleset.catalog, moment, given)
    except PropertyRefused as refusal:
        raise EventRefused(f"properties.{refusal.name}", refusal.reason) from None


def _waiting(connection: sa.Connection, source: str, ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    these = sa.and_(events.c.source == source, among(connection, events.c.id, ids), WAITING)
    return connection.execute(EVENTS.where(these).order_by(*OLDEST_FIRST).with_for_update(of=events)).all()


def _uses(ruleset: Ruleset, moment: str) -> list[MomentUse]:
    """The moment with each offset that a rule gives it."""
    uses = dict.fromkeys(use for rule in ruleset.rules for use in rule.moments if use.moment == moment)
    if not uses and moment not in ruleset.catalog.moments:
        near = hint(moment, list(ruleset.catalog.moments))
        raise EventRefused("moment", f"“{moment}” is no moment of the catalog" + (f"; {near}" if near else ""))
    return list(uses)


def _customer(
    connection: sa.Connection, ruleset: Ruleset, customer_id: str, subscription_id: str | None
) -> CustomerState:
    state = customer_rows(connection, ruleset.catalog, customer_id)
    if state is None:
        raise EventRefused("customer", f"there is no customer {customer_id}", unknown=True)
    if subscription_id is not None and all(row["subscription.id"] != subscription_id for row in state.subscriptions):
        raise EventRefused("subscription", f"{customer_id} has no subscription {subscription_id}", unknown=True)
    return state
