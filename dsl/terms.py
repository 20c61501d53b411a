"""What may be asked of a term, whatever it is made of: its parts, its currency, the stored values that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.typed import Amount, Arithmetic, Attribute, Elapsed, SumOf, Term


def parts(term: Term) -> Iterator[Term]:
    """The term and everything it is computed from, outermost first."""
    yield term
    match term:
        case Arithmetic(_, left, right):
            yield from parts(left)
            yield from parts(right)
        case Elapsed(start):
            yield start
        case Amount(money):
            yield money


def currency_of(term: Term) -> str | None:
    """The currency that its amounts are asked in; None where it has none, or the subscription's own."""
    return next((one.currency for one in parts(term) if isinstance(one, Amount | SumOf) and one.currency), None)


def attributes(term: Term) -> list[Attribute]:
    """The stored values of the customer, the subscription or the occurrence's event that it reads."""
    return [one for one in parts(term) if isinstance(one, Attribute)]
