"""Which stored values of the row a term is made of."""

from __future__ import annotations

from dsl.datatypes import Kind
from dsl.typed import Arithmetic, Attribute, SumOf, Term
from engine.matching.terms import OWN_CURRENCY, NotStored, attributes_of, stored


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
