"""Why a rule does or does not meet a customer on a day: is the moment due, what does each clause say, what then?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.catalog import MomentKind, Owner
from dsl.datatypes import Value
from dsl.typed import MomentUse, Rule, Ruleset
from dsl.wording import moment_words, plain
from engine.decisions import reasons
from engine.decisions.identity import decision_id
from engine.decisions.receipts import told
from engine.errors import CarpeError
from engine.happenings.history import with_history
from engine.matching.interpreter import clauses, holds
from engine.matching.plan import Plan
from engine.matching.rows import full_rows
from engine.moments.calendar import due_instant, event_key, occurrence_key
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.plans import Plans, plans_of
from engine.privacy import Row, personal_keys
from engine.reports.decisions import DecisionLine, ReceiptClause, receipt
from engine.simulation.at_hand import concerned, event_row, owner_of, part_at_hand
from engine.simulation.occasion import would_be
from engine.store.documents import decode
from engine.store.rows import joined, table_of
from engine.store.session import Store
from engine.store.state import CustomerState, customer_rows
from engine.store.tables import events, subscriptions
from engine.unavailable import waits_for


class UnknownSubject(CarpeError):
    """There is no such customer or subscription."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`due` and why; the rule's clauses with the values read; `verdict` of the condition; what becomes of it.

    `waits_for` is why this version does not run the rule, `becomes` from when time alone would make the condition true.
    """

    rule: str
    subject: str
    day: dt.date
    due: bool
    why_due: str
    clauses: tuple[ReceiptClause, ...]
    verdict: bool | None
    outcome: str
    waits_for: tuple[str, ...] = ()
    becomes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}


@dataclass(frozen=True, slots=True)
class _Meeting:
    """How a use of a moment stands on the day: the occurrence's key where it is due, and the event that made it."""

    use: MomentUse
    subscription: str | None
    key: str | None
    why: str
    due_at: dt.datetime
    event: sa.Row[Any] | None = None


def explain(
    store: Store,
    ruleset: Ruleset,
    rule: Rule,
    day: dt.date,
    now: dt.datetime,
    *,
    subscription: str | None = None,
    customer: str | None = None,
) -> Explanation:
    """Explain one rule for one subscription, or for a customer, on that customer's local `day`. Writes nothing.

    Raises UnknownSubject. Of a customer's subscriptions the one that the rule meets is taken, else the first.
    """
    plans = plans_of(ruleset)
    with store.read() as connection:
        state = _state(connection, plans, subscription, customer)
        meeting, row = _meeting(connection, plans, rule, state, subscription, day)
        verdict = holds(rule.condition, row, day)
        hide = personal_keys(plans.catalog)
        return Explanation(
            rule.name,
            meeting.subscription or state.id,
            day,
            meeting.key is not None,
            meeting.why,
            tuple(
                ReceiptClause(each.text, told(each, hide), each.verdict, each.depth)
                for each in clauses(rule.condition, row, day)
            ),
            verdict,
            _outcome(connection, plans, rule, state, meeting, verdict, day, now),
            waits_for(rule),
            tuple(_becomes(rule, row, day)),
        )


def _becomes(rule: Rule, row: Row, day: dt.date) -> Iterator[str]:
    """Of clauses that hang on time and alone keep the condition from being true: from when they are."""
    for way in Plan([rule.condition]).near_misses(row, day):
        if way.starts:
            yield f"It would be true from {way.starts}, because then {plain(way.wanted)}, if all else stays as it is."


def _state(connection: sa.Connection, plans: Plans, subscription: str | None, customer: str | None) -> CustomerState:
    if subscription is not None:
        customer = connection.scalar(sa.select(subscriptions.c.customer_id).where(subscriptions.c.id == subscription))
        if customer is None:
            raise UnknownSubject(f"There is no subscription {subscription}.")
    state = customer_rows(connection, plans.catalog, customer or "")
    if state is None:
        raise UnknownSubject(f"There is no customer {customer}.")
    return state


# --- is it due? ------------------------------------------------------------------------------------------------------


def _meeting(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    subscription: str | None,
    day: dt.date,
) -> tuple[_Meeting, Row]:
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
                meeting = _Meeting(use, each, None, why, meeting.due_at)
            found.append((meeting, _row(connection, plans, plan, state, meeting, day)))

    def rank(met: tuple[_Meeting, Row]) -> tuple[bool, bool]:
        meeting, row = met
        return meeting.key is None, holds(rule.condition, row, day) is not True

    return min(found, key=rank)


def _row(
    connection: sa.Connection, plans: Plans, plan: Plan, state: CustomerState, meeting: _Meeting, day: dt.date
) -> Row:
    """The state, the event's properties, and what the plan asks of the past as it is seen from the meeting."""
    row = {**joined(state, meeting.subscription), **event_row(meeting.use.moment, _properties(plans, meeting))}
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
) -> _Meeting:
    at = due_instant(day, plans.catalog.policies.send_at, state.zone)
    on = day - dt.timedelta(days=use.offset)
    if use.date is not None:
        key = use.date.isoformat() if on == use.date else None
        why = f"{use.moment} is {'' if key else 'not '}on {day}."
        return _Meeting(use, subscription, key, why, at)
    moment = plans.catalog.moments[use.moment]
    if moment.kind in (MomentKind.EVENT, MomentKind.CROSSING):
        return _of_event(connection, use, state, subscription, day, at)
    row = joined(state, subscription)
    anchor = row.get(f"{moment.owner}.{moment.attribute}")
    if not isinstance(anchor, dt.date):
        return _Meeting(use, subscription, None, f"{moment.attribute} is missing, so there is no {use.moment}.", at)
    interval = row.get("subscription.billing_interval")
    key = occurrence_key(moment, anchor, None if interval is None else str(interval), on)
    hide = f"{moment.owner}.{moment.attribute}" in personal_keys(plans.catalog)
    about = "" if hide else f" ({moment.attribute} is {anchor})"
    return _Meeting(use, subscription, key, f"{use.moment} is {'' if key else 'not '}due on {day}{about}.", at)


def _of_event(
    connection: sa.Connection,
    use: MomentUse,
    state: CustomerState,
    subscription: str | None,
    day: dt.date,
    at: dt.datetime,
) -> _Meeting:
    """The customer's last event of this kind on the local day."""
    query = sa.select(events).where(events.c.customer_id == state.id, events.c.moment == use.moment)
    for event in connection.execute(query.order_by(events.c.occurred_at.desc())):
        due_at = event.occurred_at + use.delay
        local_day = due_at.astimezone(ZoneInfo(state.zone)).date()
        if local_day < day:
            break
        if local_day == day and event.subscription_id in (None, subscription):
            key = event_key(event.moment, event.source, event.id)
            return _Meeting(use, subscription, key, _happened(use, day, ""), due_at, event)
    return _Meeting(use, subscription, None, _happened(use, day, "not "), at)


def _happened(use: MomentUse, day: dt.date, no: str) -> str:
    if use.delay:
        return f"{day} is {no}{moment_words(use)}."
    return f"There was {'no' if no else 'a'} {use.moment} on {day}."


def _properties(plans: Plans, meeting: _Meeting) -> dict[str, Value]:
    if meeting.event is None:
        return {}
    types = plans.catalog.moments[meeting.use.moment].properties
    stored: Mapping[str, Any] = meeting.event.properties
    return {name: decode(types[name], value) for name, value in stored.items() if name in types}


# --- what then? ------------------------------------------------------------------------------------------------------


def _outcome(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    meeting: _Meeting,
    verdict: bool | None,
    day: dt.date,
    now: dt.datetime,
) -> str:
    if meeting.key is None:
        return "It does not meet this rule that day: the moment is not due."
    subject = state.id if owner_of(plans.catalog, meeting.use) is Owner.CUSTOMER else meeting.subscription
    decided = receipt(connection, decision_id(rule.name, str(subject), meeting.key))
    if decided is not None:
        return f"Decided on {decided.decision.decided_at:%Y-%m-%d %H:%M} UTC: {decided.decision.sentence}"
    if not rule.active_on(day):
        return "The rule does not run that day."
    if waiting := waits_for(rule):
        return f"This version checks the rule but does not run it: {', '.join(waiting)}."
    if verdict is not True:
        open_end = " (a value it needs is missing)" if verdict is None else ""
        return f"The moment is due, but the condition does not hold{open_end}."
    return _would_be(connection, plans, rule, state, meeting, day, now)


def _would_be(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    meeting: _Meeting,
    day: dt.date,
    now: dt.datetime,
) -> str:
    part = part_at_hand(
        connection,
        plans,
        state,
        meeting.use,
        day,
        meeting.due_at,
        str(meeting.key),
        subscription=meeting.subscription,
        properties=_properties(plans, meeting),
    )
    lines = would_be(plans, [part], now, connection) if part else ()
    mine = next((each for each in lines if each.rule == rule.name), None)
    return f"It would be: {_said(mine)}" if mine else "It would meet no rule."


def _said(line: DecisionLine) -> str:
    return f"held, because {reasons.sentence(line.reason, line.detail)}." if line.reason else line.sentence
