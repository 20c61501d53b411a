"""Cells and regions: what one clause says, as a set of values of one independent variable.

A condition's terms fall apart into *cells* that the analysis takes as independent: whether a value is present, the
value itself, whether a set holds an element, what a pattern says of a text, how two terms compare. A *region* is a set
of a cell's values as toggles: whether it holds the first value, and the points at which that answer flips.

- ordered cells: a point is a lower bound, `(value, 0)` from the value on, `(value, 1)` from just above it; whole
  numbers and dates (as ordinals) need only the first.
- named cells: a point is a value, and it alone is flipped; where all values are known, a region lists its own.

Taking cells as independent only ever adds states that cannot be: what holds of all of them holds of all real ones.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dsl.datatypes import Kind, Value
from dsl.operators import OPERATORS

Point = Any
"""`(value, 0 or 1)` of an ordered cell, a value of a named one."""


class Aspect(StrEnum):
    """What a cell tells of its subject."""

    PRESENCE = "presence"  # of a stored value, by its key: True or False
    VALUE = "value"  # of a term
    AGE = "age"  # of a date, in days before today
    ELEMENT = "element"  # (key, element): does the set hold it?
    PATTERN = "pattern"  # (term, operator, operands): the answer of an operator that is no set of values
    CURRENCY = "currency"  # of a stored amount, by its key
    ORDER = "order"  # of two terms: less, equal or greater


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of a cell. `values` are all of a named cell's, empty where there is no end of them.

    `whole` cells have neighbours; `least` is the smallest value of an ordered cell, if there is one.
    """

    ordered: bool = False
    values: tuple[Value, ...] = ()
    whole: bool = False
    least: int | None = None
    may_be_missing: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    inside: bool
    toggles: tuple[Point, ...] = ()
    missing: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.inside or self.toggles or self.missing)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One variable. Cells of one aspect and subject are the same; their hash is worked out once."""

    aspect: Aspect
    subject: Any
    domain: Domain
    code: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", hash((self.aspect, self.subject)))

    def __hash__(self) -> int:
        return self.code

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return self is other or (self.aspect == other.aspect and self.subject == other.subject)

    @property
    def everything(self) -> Region:
        if self.domain.values:
            return Region(False, self.domain.values, self.domain.may_be_missing)
        if self.domain.least is not None:
            return Region(False, ((self.domain.least, 0),), self.domain.may_be_missing)
        return Region(True, (), self.domain.may_be_missing)


def named(domain: Domain, values: Collection[Value], *, holds: bool) -> Region:
    """The values listed, or all others. Where all values are known, in their order."""
    if domain.values:
        return Region(False, tuple(one for one in domain.values if (one in values) == holds))
    return Region(not holds, tuple(sorted(set(values), key=str)))


# --- operators as regions ---------------------------------------------------------------------------------------------


def region(domain: Domain, operator: str, operands: tuple[Value, ...]) -> Region:
    """The present values that pass a comparison, membership or range."""
    row = OPERATORS[operator]
    holds = operator in COMPARING
    positive = operator if holds else row.negation
    if not domain.ordered:
        return named(domain, operands, holds=holds)
    found = _ordered(domain, positive, operands)
    known = found if holds else Region(not found.inside, found.toggles)
    return intersection(known, Region(False, ((domain.least, 0),)), ordered=True) if domain.least is not None else known


COMPARING = frozenset({"equal", "in", "less", "greater", "between"})
"""The operators that, with their negations, are sets of a term's own values."""


def _ordered(domain: Domain, operator: str, operands: tuple[Any, ...]) -> Region:
    at, above = (_whole_at, _whole_above) if domain.whole else (_at, _above)
    match operator:
        case "less":
            return Region(True, (at(operands[0]),))
        case "greater":
            return Region(False, (above(operands[0]),))
        case "between":
            return span(at(operands[0]), above(operands[1]))
    points: set[Point] = set()
    for value in set(operands):
        first, beyond = at(value), above(value)
        if first < beyond:
            points ^= {first, beyond}
    return Region(False, tuple(sorted(points)))


def span(first: Point, beyond: Point) -> Region:
    """From `first` up to but not including `beyond`."""
    return Region(False, (first, beyond) if first < beyond else ())


def _number(value: Any) -> Any:
    return value.toordinal() if isinstance(value, dt.date) else value


def _at(value: Any) -> Point:
    return (_number(value), 0)


def _above(value: Any) -> Point:
    return (_number(value), 1)


def _whole_at(value: Any) -> Point:
    return (math.ceil(_number(value)), 0)


def _whole_above(value: Any) -> Point:
    return (math.floor(_number(value)) + 1, 0)


# --- sets of values ---------------------------------------------------------------------------------------------------


def intersection(left: Region, right: Region, *, ordered: bool) -> Region:
    missing = left.missing and right.missing
    if not ordered:
        return _both_named(left, right, missing=missing)
    toggles: list[Point] = []
    state = before = left.inside and right.inside
    in_left, in_right = left.inside, right.inside
    for point, from_left, from_right in _merged(left.toggles, right.toggles):
        in_left ^= from_left
        in_right ^= from_right
        if (now := in_left and in_right) != before:
            toggles.append(point)
            before = now
    return Region(state, tuple(toggles), missing)


def _merged(left: tuple[Point, ...], right: tuple[Point, ...]) -> Iterable[tuple[Point, bool, bool]]:
    i = j = 0
    while i < len(left) or j < len(right):
        if j == len(right) or (i < len(left) and left[i] < right[j]):
            yield left[i], True, False
            i += 1
        elif i == len(left) or right[j] < left[i]:
            yield right[j], False, True
            j += 1
        else:
            yield left[i], True, True
            i, j = i + 1, j + 1


def _both_named(left: Region, right: Region, *, missing: bool) -> Region:
    if left.inside and right.inside:
        return Region(True, tuple(sorted({*left.toggles, *right.toggles}, key=str)), missing)
    if left.inside:
        left, right = right, left
    keep = tuple(one for one in left.toggles if (one in right.toggles) != right.inside)
    return Region(False, keep, missing)


def without(cell: Cell, taken: Region) -> Region:
    """What of the cell's values is not in the region."""
    everything = cell.everything
    others = Region(not taken.inside, taken.toggles, not taken.missing)
    return intersection(everything, others, ordered=cell.domain.ordered)


def within(inner: Region, outer: Region, *, ordered: bool) -> bool:
    """Whether every value of `inner` is in `outer`."""
    return intersection(inner, outer, ordered=ordered) == inner


KINDS_IN_ORDER: Mapping[Kind, bool] = {
    Kind.NUMBER: False,
    Kind.MONEY: False,
    Kind.PERCENT: False,
    Kind.COUNT: True,
    Kind.DATE: True,
    Kind.ELAPSED: True,
}
"""The kinds that have an order, and whether their values are whole."""
