"""One decision of the made-up world that several rules wanted, with everything that is known of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dsl.datatypes import Money, Value
from dsl.typed import Offer, Ruleset
from engine.deliveries.presenting import actions_in, present
from engine.plans import plans_of
from engine.pricing.price_facts import Priced
from engine.pricing.quotes import Quote
from engine.reports.decisions import DecisionLine, Receipt, ReceiptCandidate, receipt
from engine.reports.decisions import decisions as find_decisions
from engine.store.rows import joined
from engine.store.state import customer_rows
from engine.store.tables import decisions, offers

_MOST_DECISIONS = 1000
"""More than one customer of the tour ever has."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A rule that met the occasion. `value` is what its offer brings over the horizon (None: it offers nothing that
    has a price for the customer); the rule's `worth` is added to it.
    """

    rule: str
    priority: int
    offer: str | None
    value: Money | None
    worth: Money | None
    became: str


@dataclass(frozen=True, slots=True)
class Contest:
    """An occasion of several rules: its winner's receipt and quote, and all who met it, in the order of their rank."""

    receipt: Receipt
    quote: Quote
    rivals: tuple[Rival, ...]
    subscription: Mapping[str, Value]

    @property
    def decision(self) -> DecisionLine:
        return self.receipt.decision


def contest(connection: sa.Connection, ruleset: Ruleset, now: dt.datetime) -> Contest | None:
    """The contested decision that shows most; None where no offer with a price had rivals."""
    chosen = connection.scalar(_most_contested())
    found = None if chosen is None else receipt(connection, chosen, now)
    if found is None or found.decision.offer is None:
        return None
    rows = _rows(connection, ruleset, found.decision)
    quoted = _quote(ruleset, found.decision, rows[found.decision.subscription_id])
    if quoted is None:
        return None
    subscription = rows[found.decision.subscription_id]
    return Contest(found, quoted, _rivals(connection, ruleset, found, rows), subscription)


def _most_contested() -> sa.Select[Any]:
    """Of the offers that won an occasion one with a reduced price, then with most reasons and most rivals."""
    rivals = (
        sa.select(
            decisions.c.customer_id,
            decisions.c.due_at,
            sa.func.count().label("rivals"),
            sa.func.count(decisions.c.reason.distinct()).label("reasons"),
        )
        .where(decisions.c.result == "held")
        .group_by(decisions.c.customer_id, decisions.c.due_at)
        .subquery()
    )
    same = (rivals.c.customer_id == decisions.c.customer_id) & (rivals.c.due_at == decisions.c.due_at)
    return (
        sa.select(decisions.c.id)
        .join(offers, offers.c.id == decisions.c.id)
        .join(rivals, same)
        .where(decisions.c.slot.is_not(None), offers.c.price.is_not(None), offers.c.subscription_id.is_not(None))
        .order_by(
            sa.case((offers.c.discount > 0, 0), else_=1),
            rivals.c.reasons.desc(),
            rivals.c.rivals.desc(),
            decisions.c.id,
        )
        .limit(1)
    )


def _rows(connection: sa.Connection, ruleset: Ruleset, decision: DecisionLine) -> dict[str | None, Mapping[str, Value]]:
    """The customer's rows of state by subscription, with what prices ask; under None the customer's alone."""
    state = customer_rows(connection, ruleset.catalog, decision.customer_id)
    if state is None:
        return {None: {}}
    whose = [None, *(str(row["subscription.id"]) for row in state.subscriptions)]
    at, day = decision.due_at, decision.local_date
    asked = [Priced(state.id, each, state.zone, at, day, joined(state, each)) for each in whose]
    plans_of(ruleset).price_facts.put(connection, asked)
    return {each.subscription: each.row for each in asked}


def _quote(ruleset: Ruleset, decision: DecisionLine, row: Mapping[str, Value]) -> Quote | None:
    """What the decision's offer costs on its day; None where it offers nothing or has no price."""
    rule = ruleset.rule(decision.rule)
    if rule is None or decision.offer is None:
        return None
    actions = [one for one in actions_in(rule, decision.arm) if isinstance(one, Offer)]
    presented = present(ruleset.catalog, actions, decision.offer, row, decision.local_date)
    return presented.quoted if presented is not None and isinstance(presented.quoted, Quote) else None


def _rivals(
    connection: sa.Connection, ruleset: Ruleset, winner: Receipt, rows: Mapping[str | None, Mapping[str, Value]]
) -> tuple[Rival, ...]:
    lines = _of_the_occasion(connection, winner.decision.customer_id, winner.decision.due_at)
    return tuple(_rival(ruleset, each, lines.get(each.rule), rows) for each in winner.candidates)


def _of_the_occasion(connection: sa.Connection, customer: str, due_at: dt.datetime) -> dict[str, DecisionLine]:
    found = find_decisions(connection, customer=customer, limit=_MOST_DECISIONS)
    return {each.rule: each for each in found if each.due_at == due_at}


def _rival(
    ruleset: Ruleset,
    each: ReceiptCandidate,
    line: DecisionLine | None,
    rows: Mapping[str | None, Mapping[str, Value]],
) -> Rival:
    rule = ruleset.rule(each.rule)
    quoted = None if line is None else _quote(ruleset, line, rows.get(line.subscription_id, {}))
    return Rival(
        each.rule,
        each.priority,
        None if line is None else line.offer,
        None if quoted is None else quoted.value,
        None if rule is None else rule.worth,
        each.sentence,
    )
