"""What the clauses of a condition are made of."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.terms import parts
from dsl.typed import (
    Condition,
    CountOf,
    DecidedCount,
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
        yield from parts(side)


def needs_history(condition: Condition) -> bool:
    """Whether a condition asks what happened before."""
    return any(isinstance(term, _HISTORIC) for entry in outline(condition) for term in terms_of(entry.condition))
