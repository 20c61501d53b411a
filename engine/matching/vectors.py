"""Vectors: a term's values of many rows at once, exact where the reference is exact.

Whole numbers and money are 64-bit integers, counted in units of 10^-places; numbers are 64-bit floats, whose operations
are the reference's own. Where 64 bits do not hold a row's exact value, or where the reference would round in a way that
these do not, the row is *unsure*: whoever asks puts it to the reference. So no vector is ever almost right.

A quotient of exact values keeps its divisor, since few quotients have an end (a third of $10): comparing multiplies it
across. The reference rounds quotients to 60 digits, and two different quotients of 64-bit integers differ earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.matching.arrays import Mask

SAFE = 9.2e18
"""Results whose estimate is not beyond this fit in 64 bits: the estimate is off by less than what is left to 2^63."""

EXACT_FLOAT = 2**53
"""Every whole number up to this has a float of its own."""

MOST_PLACES = 18
"""10 to this power is the last that 64 bits hold."""


@dataclass(frozen=True, slots=True)
class Vector:
    """`values` (int64 or float64) are anything where not `present`, and not to be trusted where `unsure`.

    The value is values / 10^places, divided by the `divisor` if there is one (positive). `is_decimal` tells money and
    percentages from whole numbers: whole numbers divide to floats, those exactly.
    """

    values: npt.NDArray[Any]
    present: Mask
    unsure: Mask
    places: int = 0
    is_decimal: bool = False
    divisor: npt.NDArray[np.int64] | None = None

    @property
    def is_float(self) -> bool:
        return bool(self.values.dtype == np.float64)

    def doubting(self, unsure: Mask) -> Vector:
        return replace(self, unsure=self.unsure | unsure)


def floats(values: npt.NDArray[np.float64], present: Mask) -> Vector:
    return Vector(values, present, np.zeros(len(values), np.bool_))


def exact(values: npt.NDArray[np.int64], present: Mask, places: int = 0, *, is_decimal: bool = False) -> Vector:
    return Vector(values, present, np.zeros(len(values), np.bool_), places, is_decimal)


# --- products, sums and the same places ------------------------------------------------------------------------------


def product(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64] | int) -> tuple[npt.NDArray[np.int64], Mask]:
    """The product, and where it does not fit."""
    beyond = ~(np.abs(left.astype(np.float64) * np.asarray(right).astype(np.float64)) <= SAFE)
    return left * np.asarray(right, np.int64), beyond


def _sum(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], sign: int) -> tuple[npt.NDArray[np.int64], Mask]:
    beyond = ~(np.abs(left.astype(np.float64) + sign * right.astype(np.float64)) <= SAFE)
    return left + sign * right, beyond


def at_places(vector: Vector, places: int) -> Vector:
    """The same values, counted more finely. `places` are at most MOST_PLACES more."""
    if vector.places == places:
        return vector
    values, beyond = product(vector.values, 10 ** (places - vector.places))
    return replace(vector.doubting(beyond), values=values, places=places)


def _alike(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    places = max(left.places, right.places)
    return at_places(left, places), at_places(right, places)


def as_floats(vector: Vector) -> Vector:
    """As the nearest floats: the division of two integers that have floats of their own is rounded once."""
    if vector.is_float:
        return vector
    if vector.divisor is not None or vector.places > MOST_PLACES:
        return Vector(np.zeros(len(vector.values)), vector.present, vector.unsure | vector.present)
    values = vector.values.astype(np.float64)
    if not vector.places:
        return Vector(values, vector.present, vector.unsure)
    return Vector(values / 10.0**vector.places, vector.present, vector.unsure | _is_large(vector.values))


def _is_large(values: npt.NDArray[np.int64]) -> Mask:
    return (values > EXACT_FLOAT) | (values < -EXACT_FLOAT)


# --- arithmetic ------------------------------------------------------------------------------------------------------


def calculated(operator: str, left: Vector, right: Vector, *, as_number: bool) -> Vector:
    """`operator` is one of + - * /; with `as_number` the result is a float, as arithmetic of kind number is.

    Missing where either side is, where it divides by zero, and where a float is too large.
    """
    with np.errstate(all="ignore"):
        if left.is_float or right.is_float:
            return _finite(_of_floats(operator, as_floats(left), as_floats(right)))
        if left.divisor is not None or right.divisor is not None:
            found = _unknown(left, right)
        else:
            found = _EXACTLY[operator](left, right, as_number)
        return _finite(as_floats(found)) if as_number else found


def _of_floats(operator: str, left: Vector, right: Vector) -> Vector:
    present = left.present & right.present
    if operator == "/":
        present = present & (right.values != 0)
    return Vector(_FLOATING[operator](left.values, right.values), present, left.unsure | right.unsure)


_FLOATING: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


def _finite(vector: Vector) -> Vector:
    return replace(vector, present=vector.present & (np.isfinite(vector.values) | vector.unsure))


def _unknown(left: Vector, right: Vector) -> Vector:
    """Nothing is sure but that it is missing where either side is."""
    maybe = (left.present | left.unsure) & (right.present | right.unsure)
    return Vector(np.zeros(len(maybe), np.int64), maybe, maybe, is_decimal=True)


def _joined(left: Vector, right: Vector, values: npt.NDArray[np.int64], beyond: Mask, places: int) -> Vector:
    unsure = left.unsure | right.unsure | beyond
    return Vector(values, left.present & right.present, unsure, places, left.is_decimal or right.is_decimal)


def _added(left: Vector, right: Vector, sign: int) -> Vector:
    if abs(left.places - right.places) > MOST_PLACES:
        return _unknown(left, right)
    left, right = _alike(left, right)
    return _joined(left, right, *_sum(left.values, right.values, sign), left.places)


def _multiplied(left: Vector, right: Vector) -> Vector:
    return _joined(left, right, *product(left.values, right.values), left.places + right.places)


def _divided(left: Vector, right: Vector, *, as_number: bool) -> Vector:
    if abs(left.places - right.places) > MOST_PLACES:
        return _unknown(left, right)
    left, right = _alike(left, right)
    present = left.present & right.present & ((right.values != 0) | right.unsure)
    unsure = left.unsure | right.unsure | (right.values == np.iinfo(np.int64).min)
    if as_number or not (left.is_decimal or right.is_decimal):
        unsure = unsure | _is_large(left.values) | _is_large(right.values)
        return Vector(np.divide(left.values, right.values, dtype=np.float64), present, unsure)
    unsure = unsure | (left.values == np.iinfo(np.int64).min)
    sign, divisor = np.sign(right.values), np.abs(right.values)
    return Vector(left.values * sign, present, unsure, 0, is_decimal=True, divisor=divisor)


_EXACTLY: dict[str, Callable[[Vector, Vector, bool], Vector]] = {
    "+": lambda left, right, _: _added(left, right, 1),
    "-": lambda left, right, _: _added(left, right, -1),
    "*": lambda left, right, _: _multiplied(left, right),
    "/": lambda left, right, as_number: _divided(left, right, as_number=as_number),
}


# --- comparing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """Where the left side is less and where it is equal; nothing is said of rows that are `unsure`."""

    less: Mask
    equal: Mask
    unsure: Mask


def compared(left: Vector, right: Vector) -> Compared:
    """Both sides by their exact values, a float beside a whole number too."""
    unsure = left.unsure | right.unsure
    if left.is_float or right.is_float:
        for side in (left, right):
            if not side.is_float and (side.places or side.divisor is not None):
                unsure = np.ones(len(unsure), np.bool_)
            elif not side.is_float:
                unsure = unsure | _is_large(side.values)
        first, second = as_floats(left).values, as_floats(right).values
        return Compared(first < second, first == second, unsure)
    if abs(left.places - right.places) > MOST_PLACES:
        return Compared(unsure, unsure, np.ones(len(unsure), np.bool_))
    left, right = _alike(left, right)
    (first, beyond), (second, also) = _across(left, right.divisor), _across(right, left.divisor)
    return Compared(first < second, first == second, left.unsure | right.unsure | beyond | also)


def _across(side: Vector, divisor: npt.NDArray[np.int64] | None) -> tuple[npt.NDArray[np.int64], Mask]:
    if divisor is None:
        return side.values, np.zeros(len(side.values), np.bool_)
    return product(side.values, divisor)
