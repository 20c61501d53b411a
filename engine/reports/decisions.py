"""Decisions and their receipts, as people read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from dsl.datatypes import Money
from engine.decisions import reasons
from engine.offers.reading import OfferLine, offer
from engine.store.experiments import arm_of_split
from engine.store.tables import decisions as table
from engine.store.tables import deliveries, offers, receipts


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One decision; `sentence` says it in plain English. Instants are UTC.

    Where they are known: `price`, what the offer costs a billing interval at first, in minor units of `currency`; the
    `arm` of the rule's experiment; the `score` that arbitration went by, which is told beforehand only.
    """

    id: str
    rule: str
    moment: str
    occurrence: str
    customer_id: str
    subscription_id: str | None
    result: str
    reason: str | None
    detail: str | None
    offer: str | None
    channels: tuple[str, ...]
    local_date: dt.date
    due_at: dt.datetime
    decided_at: dt.datetime
    ruleset: str
    sentence: str
    price: int | None = None
    currency: str | None = None
    arm: str | None = None
    score: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class ReceiptClause:
    """One line of the condition; `value` is as shown (masked where personal), None for a connective."""

    text: str
    value: str | None
    verdict: bool | None
    depth: int


@dataclass(frozen=True, slots=True)
class ReceiptCandidate:
    """A rule that met the same occasion, and what became of it."""

    rule: str
    priority: int
    result: str
    reason: str | None
    detail: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ReceiptDelivery:
    """One message of the decision; the text is there once it was sent, with personal values masked."""

    channel: str
    state: str
    reason: str | None
    subject: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    decision: DecisionLine
    clauses: tuple[ReceiptClause, ...]
    candidates: tuple[ReceiptCandidate, ...]
    deliveries: tuple[ReceiptDelivery, ...]
    offer: OfferLine | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "decision": self.decision.to_json(),
            "clauses": [asdict(each) for each in self.clauses],
            "candidates": [asdict(each) for each in self.candidates],
            "deliveries": [asdict(each) for each in self.deliveries],
            "offer": None if self.offer is None else self.offer.to_json(),
        }


def decisions(
    connection: sa.Connection,
    *,
    rule: str | None = None,
    customer: str | None = None,
    result: str | None = None,
    day: dt.date | None = None,
    occurrence: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[DecisionLine, ...]:
    """The decisions that fit every filter given, newest first."""
    wanted: Mapping[str, Any] = {
        "rule": rule,
        "customer_id": customer,
        "result": result,
        "local_date": day,
        "occurrence": occurrence,
    }
    query = _with_terms().where(*(table.c[name] == value for name, value in wanted.items() if value is not None))
    ordered = query.order_by(table.c.due_at.desc(), table.c.customer_id, table.c.slot.is_(None), table.c.rule)
    return tuple(line(each._mapping) for each in connection.execute(ordered.limit(limit).offset(offset)))


def _with_terms() -> sa.Select[Any]:
    """Decisions with the price of the offer that was made and the arm of the rule's experiment."""
    terms = offers.c.price, offers.c.currency, arm_of_split().label("arm")
    return sa.select(table, *terms).outerjoin(offers, offers.c.id == table.c.id)


_TERMS = ("price", "currency", "arm", "score")
_STORED = tuple(name for name in DecisionLine.__dataclass_fields__ if name not in ("channels", "sentence", *_TERMS))


def line(row: Mapping[Any, Any]) -> DecisionLine:
    """A row of `decisions` as a line, with the terms that it has beside them."""
    values = {name: row[name] for name in _STORED} | {name: row.get(name) for name in _TERMS}
    return DecisionLine(**values, channels=tuple(row["channels"]), sentence=_sentence(values))


def with_terms(one: DecisionLine, terms: Mapping[str, Any]) -> DecisionLine:
    """A line with terms that were not beside its row, in its sentence too."""
    values = {name: getattr(one, name) for name in DecisionLine.__dataclass_fields__} | dict(terms)
    return replace(one, **terms, sentence=_sentence(values))


def receipt(connection: sa.Connection, decision_id: str, now: dt.datetime) -> Receipt | None:
    """Everything that is known of one decision, its offer as it stands at `now`; None: there is none of this id."""
    row = connection.execute(_with_terms().where(table.c.id == decision_id)).one_or_none()
    if row is None:
        return None
    body = connection.scalar(sa.select(receipts.c.body).where(receipts.c.decision_id == decision_id)) or {}
    sent = connection.execute(
        sa.select(deliveries).where(deliveries.c.decision_id == decision_id).order_by(deliveries.c.channel)
    )
    return Receipt(
        line(row._mapping),
        tuple(ReceiptClause(*each) for each in body.get("clauses", ())),
        tuple(_candidate(*each) for each in body.get("candidates", ())),
        tuple(
            ReceiptDelivery(each.channel, each.state, each.reason, **(each.content.get("shown") or {})) for each in sent
        ),
        offer(connection, decision_id, now),
    )


def _candidate(rule: str, priority: int, result: str, reason: str | None, detail: str | None) -> ReceiptCandidate:
    return ReceiptCandidate(rule, priority, result, reason, detail, outcome(result, reason, detail))


def outcome(result: str, reason: str | None, detail: str | None) -> str:
    """What became of a candidate, in a few words."""
    return f"held: {reasons.sentence(reason, detail)}" if reason else result


def _sentence(values: Mapping[str, Any]) -> str:
    rule = values["rule"] if values["arm"] is None else f"in the arm {values['arm']} of {values['rule']}"
    about = f"{values['customer_id']} on {values['moment']} ({rule})"
    match values["result"]:
        case "offered":
            return f"Offered {values['offer']}{_at(values)} to {about}."
        case "said":
            return f"Sent a message to {about}."
        case "tagged":
            return f"Tagged {about}."
        case _:
            return f"Held for {about}: {reasons.sentence(values['reason'], values['detail'])}."


def _at(values: Mapping[str, Any]) -> str:
    known = values["price"] is not None and values["currency"] is not None
    return f" at {Money(values['price'], values['currency'])}" if known else ""
