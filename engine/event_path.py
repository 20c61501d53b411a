"""One event or question at a time: kept, decided where it waits, or asked what would be decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.suggestions import hint
from dsl.typed import MomentUse, Ruleset
from engine.halts import refuse_halted
from engine.online.drafts import Telling, event_moment, properties_of
from engine.online.incoming import EventRefused, IncomingEvent, Kept
from engine.online.recorded import decide_recorded
from engine.online.telling import tell
from engine.plans import plans_of
from engine.reports.decisions import DecisionLine
from engine.simulation.at_hand import part_at_hand
from engine.simulation.occasion import would_be
from engine.store.documents import Json
from engine.store.session import Store
from engine.store.state import CustomerState, customer_rows


def record(store: Store, ruleset: Ruleset, event: IncomingEvent, now: dt.datetime) -> Kept:
    """Keep an event, once: the same body again changes nothing. Raises EventRefused or EventConflict."""
    with store.write() as connection:
        [told] = tell(connection, store, plans_of(ruleset), [Telling(event, now, decides=False)])
    if isinstance(told, Exception):
        raise told
    return told.kept


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
    with store.write() as connection:
        refuse_halted(connection)
        return decide_recorded(connection, store, plans_of(ruleset), source, ids, now)


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
    given = {} if not properties else properties_of(ruleset, event_moment(ruleset, moment), properties)
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
        return tuple(line for part in parts if part for line in would_be(plans, [part], now, connection))


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
