"""Sets of values as lists of toggles: the one representation that every form of matching computes with.

A set says whether it holds the "first" value (`inside`), at which points that answer flips (`toggles`), and whether it
holds the missing value. What a point is depends on the column:

- *ordered* columns (numbers, dates, money): a point is a lower bound, and every value from it upwards is flipped.
  `5 < x <= 9` over whole numbers is `inside=False, toggles=(6, 10)`. A strict bound is the next value of the column's
  domain, so no bound is ever open and a value's place is one bisection.
- *named* columns (text, enums, flags): a point is a value, and it alone is flipped. `not in (a, b)` is
  `inside=True, toggles=(a, b)`.

So membership is `inside` XOR the parity of the points that apply. XOR is the operation that Python's long integers and
packed numpy words do fastest, and it needs no sorting out of overlaps: the event index flips masks of conjuncts at the
points, the batch form flips rows at the points, from the same lists.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

Point = Any
"""A bound (int or float) of an ordered column, a value (str or bool) of a named one."""


@dataclass(frozen=True, slots=True)
class ValueSet:
    """`toggles` are sorted and hold no point twice: equal sets are equal values."""

    inside: bool
    toggles: tuple[Point, ...] = ()
    missing: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.inside or self.toggles or self.missing)

    @property
    def is_everything(self) -> bool:
        return self.inside and self.missing and not self.toggles

    def known_rest(self) -> ValueSet:
        """The present values that are not in this set: how a test is negated."""
        return ValueSet(not self.inside, self.toggles)

    def has_ordered(self, value: Any) -> bool:
        return self.missing if value is None else self.inside ^ (bisect_right(self.toggles, value) % 2 == 1)

    def has_named(self, value: Hashable) -> bool:
        return self.missing if value is None else self.inside ^ (value in self.toggles)


KNOWN = ValueSet(inside=True)
MISSING = ValueSet(inside=False, missing=True)


def named(values: Iterable[Point]) -> ValueSet:
    """Just these values."""
    return ValueSet(inside=False, toggles=tuple(sorted(set(values))))


def between(first: Point, beyond: Point) -> ValueSet:
    """The values of an ordered column from `first` up to but not including `beyond`; none where they cross."""
    return ValueSet(inside=False, toggles=(first, beyond) if first < beyond else ())


def union(left: ValueSet, right: ValueSet, *, ordered: bool) -> ValueSet:
    return _combine(left, right, bool.__or__, ordered=ordered)


def intersection(left: ValueSet, right: ValueSet, *, ordered: bool) -> ValueSet:
    return _combine(left, right, bool.__and__, ordered=ordered)


def _combine(left: ValueSet, right: ValueSet, both: Callable[[bool, bool], bool], *, ordered: bool) -> ValueSet:
    inside = both(left.inside, right.inside)
    missing = both(left.missing, right.missing)
    points = set(left.toggles) | set(right.toggles)
    if not ordered:
        flips = tuple(p for p in points if both(left.has_named(p), right.has_named(p)) != inside)
        return ValueSet(inside, tuple(sorted(flips)), missing)
    toggles, before = [], inside
    for point in sorted(points):
        now = both(left.has_ordered(point), right.has_ordered(point))
        if now != before:
            toggles.append(point)
        before = now
    return ValueSet(inside, tuple(toggles), missing)
