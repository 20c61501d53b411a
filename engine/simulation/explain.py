"""Why a rule does or does not meet a customer on a day: is the moment due, what does each clause say, what then?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from dsl.catalog import Owner
from dsl.typed import Rule, Ruleset
from dsl.wording import plain
from engine.decisions import reasons
from engine.decisions.identity import decision_id
from engine.decisions.receipts import told
from engine.errors import CarpeError
from engine.matching.interpreter import clauses, holds
from engine.matching.plan import Plan
from engine.plans import Plans, plans_of
from engine.privacy import Row, personal_keys
from engine.reports.decisions import DecisionLine, ReceiptClause, outcome, receipt
from engine.simulation.at_hand import owner_of, part_at_hand
from engine.simulation.meeting import Meeting, event_properties, meeting_of
from engine.simulation.occasion import would_be
from engine.store.session import Store
from engine.store.state import CustomerState, customer_rows
from engine.store.tables import subscriptions
from engine.unavailable import waits_for


class UnknownSubject(CarpeError):
    """There is no such customer or subscription."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`due` and why; the rule's clauses with the values read; `verdict` of the condition; what becomes of it.

    `waits_for` is why this version does not run the rule, `becomes` from when time alone would make the condition true.
    `terms` are sentences on the offer: its price and state, its score, and what would become of the other rules of the
    occasion.
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
    terms: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}


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
        meeting, row = meeting_of(connection, plans, rule, state, subscription, day)
        verdict = holds(rule.condition, row, day)
        hide = personal_keys(plans.catalog)
        then = _then(connection, plans, rule, state, meeting, verdict, day, now)
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
            then.outcome,
            waits_for(rule),
            tuple(_becomes(rule, row, day)),
            then.terms,
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


# --- what then? ------------------------------------------------------------------------------------------------------


class _Then(NamedTuple):
    """What becomes of it, and the terms: the offer as it stands, its score, the rules beside it."""

    outcome: str
    terms: tuple[str, ...] = ()


def _then(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    meeting: Meeting,
    verdict: bool | None,
    day: dt.date,
    now: dt.datetime,
) -> _Then:
    if meeting.key is None:
        return _Then("It does not meet this rule that day: the moment is not due.")
    subject = state.id if owner_of(plans.catalog, meeting.use) is Owner.CUSTOMER else meeting.subscription
    decided = receipt(connection, decision_id(rule.name, str(subject), meeting.key), now)
    if decided is not None:
        said = f"Decided on {decided.decision.decided_at:%Y-%m-%d %H:%M} UTC: {decided.decision.sentence}"
        return _Then(said, (f"The offer: {decided.offer.sentence}",) if decided.offer else ())
    if not rule.active_on(day):
        return _Then("The rule does not run that day.")
    if waiting := waits_for(rule):
        return _Then(f"This version checks the rule but does not run it: {', '.join(waiting)}.")
    if verdict is not True:
        open_end = " (a value it needs is missing)" if verdict is None else ""
        return _Then(f"The moment is due, but the condition does not hold{open_end}.")
    return _would_be(connection, plans, rule, state, meeting, day, now)


def _would_be(
    connection: sa.Connection,
    plans: Plans,
    rule: Rule,
    state: CustomerState,
    meeting: Meeting,
    day: dt.date,
    now: dt.datetime,
) -> _Then:
    part = part_at_hand(
        connection,
        plans,
        state,
        meeting.use,
        day,
        meeting.due_at,
        str(meeting.key),
        subscription=meeting.subscription,
        properties=event_properties(plans, meeting),
    )
    lines = would_be(plans, [part], now, connection) if part else ()
    mine = next((each for each in lines if each.rule == rule.name), None)
    if mine is None:
        return _Then("It would meet no rule.")
    scored = (f"Its score would be {mine.score:,.2f}.",) if mine.score else ()
    return _Then(f"It would be: {_said(mine)}", (*scored, *_rivals(lines, mine)))


def _rivals(lines: Sequence[DecisionLine], mine: DecisionLine) -> Iterator[str]:
    """The other rules that would meet the occasion."""
    for each in lines:
        if each is not mine:
            score = f" (score {each.score:,.2f})" if each.score else ""
            yield f"Beside it {each.rule}{score} would be {outcome(each.result, each.reason, each.detail)}."


def _said(line: DecisionLine) -> str:
    return f"held, because {reasons.sentence(line.reason, line.detail)}." if line.reason else line.sentence
