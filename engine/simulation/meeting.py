"""How a rule meets a customer on a day: which use of a moment is due, for which subscription, what is read there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.catalog import MomentKind
from dsl.datatypes import Value
from dsl.typed import MomentUse, Rule
from dsl.wording import moment_words
from engine.happenings.history import with_history
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from engine.matching.rows import full_rows
from engine.moments.calendar import due_instant, event_key, occurrence_key
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.plans import Plans
from engine.privacy import Row, personal_keys
from engine.simulation.at_hand import concerned, event_row, owner_of
from engine.store.documents import decode
from engine.store.rows import joined, table_of
from engine.store.state import CustomerState
from engine.store.tables import events


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a use of a moment stands on the day: the occurrence's key where it is due, and the event that made it."""

    use: MomentUse
    subscription: str | None
    key: str | None
    why: str
    due_at: dt.datetime
    event: sa.Row[Any] | None = None


def meeting_of(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    subscription: str | None,
    day: dt.date,
) -> tuple[Meeting, Row]:
    """Of the rule's moments and the customer's subscriptions: a due one that the rule matches, else due, else any.

    With it the row that the rule's condition reads there.
    """
    plan = Plan([rule.condition])
    found = []
    for use in rule.moments:
        held = concerned(plans.catalog, state, use, subscription)
        for each in held or [subscription]:
            meeting = _of_use(connection, plans, use, state, each, day)
            if not held:
                why = "The moment does not concern it: the subscription is not in its statuses, or there is none."
                meeting = Meeting(use, each, None, why, meeting.due_at)
            found.append((meeting, _row(connection, plans, plan, state, meeting, day)))

    def rank(met: tuple[Meeting, Row]) -> tuple[bool, bool]:
        meeting, row = met
        return meeting.key is None, holds(rule.condition, row, day) is not True

    return min(found, key=rank)


def _row(
    connection: sa.Connection, plans: Plans, plan: Plan, state: CustomerState, meeting: Meeting, day: dt.date
) -> Row:
    """The state, the event's properties, and what the plan asks of the past as it is seen from the meeting."""
    row = {**joined(state, meeting.subscription), **event_row(meeting.use.moment, event_properties(plans, meeting))}
    met = Occurrence(
        meeting.use.moment,
        meeting.use.offset,
        owner_of(plans.catalog, meeting.use),
        state.id,
        meeting.subscription,
        meeting.key or "",
        state.zone,
        meeting.due_at,
    )
    table = beside(key_columns([met]), table_of([row], plan.attributes))
    table = with_history(connection, plans.catalog, table, plan.terms, day)
    return {**row, **full_rows(table, (), plan.terms)[0]}


def _of_use(
    connection: sa.Connection,
    plans: Plans,
    use: MomentUse,
    state: CustomerState,
    subscription: str | None,
    day: dt.date,
) -> Meeting:
    at = due_instant(day, plans.catalog.policies.send_at, state.zone)
    on = day - dt.timedelta(days=use.offset)
    if use.date is not None:
        key = use.date.isoformat() if on == use.date else None
        why = f"{use.moment} is {'' if key else 'not '}on {day}."
        return Meeting(use, subscription, key, why, at)
    moment = plans.catalog.moments[use.moment]
    if moment.kind in (MomentKind.EVENT, MomentKind.CROSSING):
        return _of_event(connection, use, state, subscription, day, at)
    row = joined(state, subscription)
    anchor = row.get(f"{moment.owner}.{moment.attribute}")
    if not isinstance(anchor, dt.date):
        return Meeting(use, subscription, None, f"{moment.attribute} is missing, so there is no {use.moment}.", at)
    interval = row.get("subscription.billing_interval")
    key = occurrence_key(moment, anchor, None if interval is None else str(interval), on)
    hide = f"{moment.owner}.{moment.attribute}" in personal_keys(plans.catalog)
    about = "" if hide else f" ({moment.attribute} is {anchor})"
    return Meeting(use, subscription, key, f"{use.moment} is {'' if key else 'not '}due on {day}{about}.", at)


def _of_event(
    connection: sa.Connection,
    use: MomentUse,
    state: CustomerState,
    subscription: str | None,
    day: dt.date,
    at: dt.datetime,
) -> Meeting:
    """The customer's last event of this kind on the local day."""
    query = sa.select(events).where(events.c.customer_id == state.id, events.c.moment == use.moment)
    for event in connection.execute(query.order_by(events.c.occurred_at.desc())):
        due_at = event.occurred_at + use.delay
        local_day = due_at.astimezone(ZoneInfo(state.zone)).date()
        if local_day < day:
            break
        if local_day == day and event.subscription_id in (None, subscription):
            key = event_key(event.moment, event.source, event.id)
            return Meeting(use, subscription, key, _happened(use, day, ""), due_at, event)
    return Meeting(use, subscription, None, _happened(use, day, "not "), at)


def _happened(use: MomentUse, day: dt.date, no: str) -> str:
    if use.delay:
        return f"{day} is {no}{moment_words(use)}."
    return f"There was {'no' if no else 'a'} {use.moment} on {day}."


def event_properties(plans: Plans, meeting: Meeting) -> dict[str, Value]:
    if meeting.event is None:
        return {}
    types = plans.catalog.moments[meeting.use.moment].properties
    stored: Mapping[str, Any] = meeting.event.properties
    return {name: decode(types[name], value) for name, value in stored.items() if name in types}
