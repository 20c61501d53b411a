"""Columns: what the value sets of a bound rule are sets of.

A stored attribute, an amount of money in one currency and a term of what happened before are columns as they are. What
cannot be a set of values is asked of each value or row, and the answer is the column: whether a set holds an element,
whether a text has a pattern, whether a clause that computes (arithmetic, two terms side by side) is true.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.datatypes import Kind, Value
from dsl.typed import Amount, Attribute, Elapsed, Historic, Relation, SumOf, Test, kind

PERCENT_SCALE = 10**6
AMOUNT_SCALE = 10**4
"""Every currency's minor unit is a whole number of these (ISO 4217 has at most four decimal places)."""


@dataclass(frozen=True, slots=True)
class Element:
    """A column: does the set hold this element?"""

    attribute: Attribute
    element: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A column: what a text operator (not negated) says of the text."""

    attribute: Attribute
    operator: str
    operands: tuple[Value, ...]


Clause = Test | Relation
"""A column: whether a clause that computes is true of the row; missing where it is open."""

Column = Attribute | Amount | Historic | Element | Pattern | Clause

ORDERED = (Kind.NUMBER, Kind.COUNT, Kind.DATE, Kind.PERCENT)


def is_ordered(column: Column | Elapsed) -> bool:
    """Whether the points of the column's value sets are lower bounds."""
    if isinstance(column, Attribute):
        return column.type.kind in ORDERED
    return not isinstance(column, Element | Pattern | Clause)


def kind_of(column: Attribute | Amount | Elapsed | Historic | Clause) -> Kind:
    """Of what kind a column's values are; what is added up is a number, or money."""
    match column:
        case Test() | Relation():
            return Kind.FLAG
        case SumOf(property_):
            return Kind.MONEY if property_.type.kind is Kind.MONEY else Kind.NUMBER
        case _:
            return kind(column)
