"""What a term or a clause is made of."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.datatypes import Kind
from dsl.typed import (
    Arithmetic,
    Attribute,
    Condition,
    CountOf,
    DecidedCount,
    Elapsed,
    LastOf,
    QuotaOf,
    Relation,
    SinceLast,
    SumOf,
    Term,
    Test,
    UsageOf,
)
from engine.matching.outline import outline
from engine.matching.terms import OWN_CURRENCY, NotStored, attributes_of, stored

_HISTORIC = (CountOf, SumOf, LastOf, SinceLast, UsageOf, QuotaOf, DecidedCount)


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
        yield from _parts(side)


def _parts(term: Term) -> Iterator[Term]:
    yield term
    match term:
        case Arithmetic(left=left, right=right):
            yield from _parts(left)
            yield from _parts(right)
        case Elapsed(start=LastOf() as last):
            yield last


def needs_history(condition: Condition) -> bool:
    """Whether a condition asks what happened before."""
    return any(isinstance(term, _HISTORIC) for entry in outline(condition) for term in terms_of(entry.condition))


def attributes_read(term: Term) -> tuple[Attribute, ...]:
    """The attributes of the row, each once; the properties of earlier events are not among them."""
    match term:
        case Arithmetic(left=left, right=right):
            return tuple(dict.fromkeys((*attributes_read(left), *attributes_read(right))))
        case SumOf(currency=None) if term.property.type.kind is Kind.MONEY:
            return (OWN_CURRENCY,)
    try:
        return attributes_of(stored(term))
    except NotStored:
        return ()
