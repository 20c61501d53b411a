"""What the clauses of a condition are made of."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind
from dsl.terms import parts
from dsl.typed import (
    Amount,
    Attribute,
    Condition,
    CountOf,
    Elapsed,
    Historic,
    LastOf,
    QuotaOf,
    Relation,
    SinceLast,
    SumOf,
    Term,
    Test,
)
from engine.matching.outline import outline
from engine.matching.terms import OWN_CURRENCY

QUOTA_READS = (
    Attribute(Owner.SUBSCRIPTION, "plan", DataType(Kind.PLAN)),
    Attribute(Owner.SUBSCRIPTION, "addons", DataType(Kind.SET)),
)
"""What says how much of a meter a subscription may use."""


def sides(condition: Condition) -> tuple[Term, ...]:
    """The one or two terms of a clause; none of a connective."""
    match condition:
        case Test(term=term):
            return (term,)
        case Relation(left=left, right=right):
            return (left, right)
    return ()


def terms_of(condition: Condition) -> Iterator[Term]:
    """Every term of one clause, with those that it is computed from."""
    for side in sides(condition):
        yield from parts(side)


def asked_of(condition: Condition) -> tuple[Term, ...]:
    """Every term of a whole condition, each once, with those that it is computed from."""
    return tuple(dict.fromkeys(term for entry in outline(condition) for term in terms_of(entry.condition)))


def historic(condition: Condition) -> tuple[Historic, ...]:
    """What a condition asks of what happened before, each term once."""
    return tuple(term for term in asked_of(condition) if isinstance(term, Historic))


def needs_history(condition: Condition) -> bool:
    """Whether a condition asks what happened before."""
    return bool(historic(condition))


def attributes_of(term: Term) -> tuple[Attribute, ...]:
    """The stored values of the row that reading a term takes, its own first."""
    return tuple(dict.fromkeys(found for part in parts(term) for found in _stored(part)))


def _stored(term: Term) -> Iterator[Attribute]:
    match term:
        case Attribute():
            yield term
        case Elapsed(Attribute() as start):
            yield start
        case Amount(money, currency):
            yield from (money, OWN_CURRENCY) if currency is None else (money,)
        case SumOf(property_, events, currency):
            if currency is None and property_.type.kind is Kind.MONEY:
                yield OWN_CURRENCY
            yield from _of_the_row(events.where)
        case CountOf(events) | LastOf(events) | SinceLast(events):
            yield from _of_the_row(events.where)
        case QuotaOf():
            yield from QUOTA_READS


def _of_the_row(where: Condition) -> Iterator[Attribute]:
    """What the `where` of events reads beside them: the currency of a bare amount."""
    found = (attribute for term in asked_of(where) for attribute in attributes_of(term))
    return (attribute for attribute in found if attribute.owner is not Owner.EVENT)
