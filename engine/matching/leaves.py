"""Leaves of the normal form, and what they are on a given day: a column and a set of its values.

A leaf asks whether a term passes any of a few tests. `bind` does the calendar arithmetic, once, on the constants
(design decision 1): elapsed time and windows become bounds on a date, money and percentages whole numbers, strict
bounds the next value of the domain. What cannot be a set of values is asked of each value or row (`columns`): a text
pattern becomes a column of its own whose value is the pattern's answer, and so does each element that is looked for in
a set, and each clause that computes.

| column              | points of its value sets                                    | where a point comes from      |
|---------------------|-------------------------------------------------------------|-------------------------------|
| number              | float                                                       | strict: the next float        |
| count               | int                                                         |                               |
| date                | int, days as `date.toordinal` counts them                   | elapsed time by cutoffs       |
| percent             | int, millionths of a percent                                | rounded up                    |
| `Amount`, sum of money | int, ten-thousandths of the currency's unit              | rounded up                    |
| time since an event | int, microseconds                                           |                               |
| text, enum, plan, add-on, flag | the value itself                                 |                               |
| `Element`, `Pattern`, `Clause` | True (the set holds it, the text has it, it is true), False |                     |
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from dsl.datatypes import Kind, Unit, Value
from dsl.operators import OPERATORS, months_from
from dsl.typed import Attribute, Elapsed, Historic, Stored
from engine.matching.columns import (
    AMOUNT_SCALE,
    PERCENT_SCALE,
    Clause,
    Column,
    Element,
    Pattern,
    is_ordered,
    kind_of,
)
from engine.matching.values import KNOWN, MISSING, Point, ValueSet, between, named, union
from engine.moments.calendar import day_cutoff, month_cutoff

Asked = Stored | Historic | Clause
"""What a leaf asks of: a term, or a clause that computes, which is asked as a whole whether it is true."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One operator with its operands."""

    operator: str
    operands: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """True where the term passes any of the tests."""

    term: Asked
    atoms: frozenset[Atom]


@dataclass(frozen=True, slots=True)
class Bound:
    """A leaf on one day: the column's value is in the set."""

    column: Column
    values: ValueSet


def is_set_of_values(term: Asked, operator: str) -> bool:
    """Whether the test is a set of the term's own values, so that tests side by side can be one leaf."""
    return operator in _PRESENCE or _positive(operator) in (_ORDERED if is_ordered(term) else _NAMED)


def bind(leaf: Leaf, today: dt.date) -> Bound:
    """What the leaf asks on local date `today`."""
    parts = [_bind_atom(leaf.term, atom, today) for atom in leaf.atoms]
    column, ordered = parts[0].column, is_ordered(parts[0].column)
    return Bound(column, reduce(lambda a, b: union(a, b, ordered=ordered), (part.values for part in parts)))


def _bind_atom(term: Asked, atom: Atom, today: dt.date) -> Bound:
    if isinstance(term, Elapsed):
        return Bound(term.start, _on_start(_values(term, atom, today), term.unit, today))
    if isinstance(term, Attribute) and not is_set_of_values(term, atom.operator):
        positive = _positive(atom.operator)
        held = named([True])
        if positive == "includes":
            column: Column = Element(term, str(atom.operands[0]))
        else:
            column = Pattern(term, positive, atom.operands)
        return Bound(column, held if positive == atom.operator else held.known_rest())
    return Bound(term, _values(term, atom, today))


# --- operators as sets of values -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Domain:
    """Where an ordered column's points lie: `at` is the least value not below an operand, `above` the least beyond.

    Nothing lies above an infinite number, which sums of numbers may be.
    """

    at: Callable[[Any], Point]
    above: Callable[[Any], Point | None]


def _whole(scale: int) -> Domain:
    return Domain(lambda x: math.ceil(Fraction(x) * scale), lambda x: math.floor(Fraction(x) * scale) + 1)


def float_at(x: Any) -> float:
    """The least float not below a number of any type."""
    try:
        nearest = float(x)
    except OverflowError:
        return math.inf if x > 0 else -sys.float_info.max
    return nearest if nearest >= x else math.nextafter(nearest, math.inf)


def _float_above(x: Any) -> float | None:
    least = float_at(x)
    if least != x:
        return least
    return None if least == math.inf else math.nextafter(least, math.inf)


_WHOLE = _whole(1)
_DAYS = Domain(dt.date.toordinal, lambda day: day.toordinal() + 1)
_DOMAINS: Mapping[Kind, Domain] = {
    Kind.COUNT: _WHOLE,
    Kind.ELAPSED: _WHOLE,
    Kind.NUMBER: Domain(float_at, _float_above),
    Kind.DATE: _DAYS,
    Kind.PERCENT: _whole(PERCENT_SCALE),
    Kind.MONEY: _whole(AMOUNT_SCALE),
}


def _from_to(domain: Domain, low: Value, high: Value) -> ValueSet:
    beyond = domain.above(high)
    return between(domain.at(low), beyond) if beyond is not None else ValueSet(inside=False, toggles=(domain.at(low),))


def _more_than(domain: Domain, value: Value) -> ValueSet:
    least = domain.above(value)
    return ValueSet(inside=False, toggles=() if least is None else (least,))


def _one_of(domain: Domain, values: tuple[Value, ...]) -> ValueSet:
    points = (_from_to(domain, value, value) for value in values)
    return reduce(lambda a, b: union(a, b, ordered=True), points, ValueSet(inside=False))


_ORDERED: Mapping[str, Callable[[Domain, tuple[Any, ...], dt.date], ValueSet]] = {
    "equal": lambda domain, given, _: _one_of(domain, given),
    "in": lambda domain, given, _: _one_of(domain, given),
    "less": lambda domain, given, _: ValueSet(inside=True, toggles=(domain.at(given[0]),)),
    "greater": lambda domain, given, _: _more_than(domain, given[0]),
    "between": lambda domain, given, _: _from_to(domain, given[0], given[1]),
    "within_next": lambda _, given, today: between(today.toordinal(), today.toordinal() + given[0] + 1),
    "within_last": lambda _, given, today: between(today.toordinal() - given[0], today.toordinal() + 1),
    "within_next_months": lambda _, given, today: between(
        today.toordinal(), months_from(today, given[0]).toordinal() + 1
    ),
    "within_last_months": lambda _, given, today: between(
        months_from(today, -given[0]).toordinal(), today.toordinal() + 1
    ),
}
_NAMED: Mapping[str, Callable[[tuple[Any, ...]], ValueSet]] = {
    "equal": named,
    "in": named,
    "is_true": lambda _: named([True]),
}
_PRESENCE: Mapping[str, ValueSet] = {"is_known": KNOWN, "is_missing": MISSING}


def _positive(operator: str) -> str:
    """The operator or its negation, whichever is written down here."""
    return operator if operator in _POSITIVE else OPERATORS[operator].negation


_POSITIVE = {*_ORDERED, *_NAMED, "includes", "contains", "starts_with", "ends_with", "like"}


def _values(term: Asked, atom: Atom, today: dt.date) -> ValueSet:
    """The values of the term that pass; of an elapsed time, whole numbers from 0."""
    if atom.operator in _PRESENCE:
        return _PRESENCE[atom.operator]
    positive = _positive(atom.operator)
    if is_ordered(term):
        held = _ORDERED[positive](_DOMAINS[kind_of(term)], atom.operands, today)
    else:
        held = _NAMED[positive](atom.operands)
    return held if positive == atom.operator else held.known_rest()


def _on_start(elapsed: ValueSet, unit: Unit, today: dt.date) -> ValueSet:
    """The start dates whose elapsed time on `today` is in the set. A start after today counts as missing.

    "At least k units" holds of the starts up to a cutoff, so a point k of the elapsed time is, on the dates, the day
    after that cutoff, and the points come in the opposite order. Points of 0 and less hold of every start, and those
    whose cutoff lies before the calendar of none.
    """
    inside = elapsed.inside ^ (sum(point <= 0 for point in elapsed.toggles) % 2 == 1)
    cutoffs = [_cutoff(today, point, unit) for point in elapsed.toggles if point > 0]
    flips = sorted(cutoff.toordinal() + 1 for cutoff in cutoffs if cutoff is not None)
    if inside != elapsed.missing:
        flips.append(today.toordinal() + 1)
    return ValueSet(inside ^ (sum(flip <= today.toordinal() for flip in flips) % 2 == 1), tuple(flips), elapsed.missing)


def _cutoff(today: dt.date, count: int, unit: Unit) -> dt.date | None:
    return day_cutoff(today, count) if unit is Unit.DAYS else month_cutoff(today, count)
