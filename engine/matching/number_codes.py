"""Numbers as small whole numbers: the class of each value among the points that the rules tell apart (see `codes`).

A number that the rules compare with a few points is compared with each; one with many points close together is looked
up in a table; what is left is bisected. What that takes is prepared once a batch, for blocks of its values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.unsignedinteger[Any]]

Placing = Callable[[npt.NDArray[Any]], Codes]
"""1 + how many points are not above each value."""

WIDEST_TABLE = 1 << 16
"""Whole numbers whose points span no more than this are looked up in a table instead of bisected."""

FEW_POINTS = 4
"""Up to so many points are compared with every value one by one, which is a fifth of a look-up each."""

MOST_COMPARED = 128
"""Where only bisecting is left, comparing wins up to so many points (64 points, 360,000 numbers: 4 ms, not 12)."""


def narrowest(points: int) -> type[np.unsignedinteger[Any]]:
    """The narrowest number for the classes of so many points."""
    return np.uint8 if points < 254 else np.uint16 if points < 65534 else np.uint32


def placing_floats(points: Sequence[float]) -> Placing:
    return _bisecting(np.asarray(points, np.float64), 1, narrowest(len(points)))


def placing(points: Sequence[int], dtype: np.dtype[Any]) -> Placing:
    """For whole numbers of a type. Points beyond its range are met by all values or by none."""
    width, limits = narrowest(len(points)), np.iinfo(dtype)
    always = sum(point <= limits.min for point in points)
    within = np.array([point for point in points if limits.min < point <= limits.max], dtype)
    if not len(within):
        return lambda values: np.full(len(values), 1 + always, width)
    low, high = int(within[0]) - 1, int(within[-1])
    if len(within) <= FEW_POINTS or high - low >= WIDEST_TABLE:
        return _bisecting(within, 1 + always, width)
    every = np.arange(high - low + 1, dtype=dtype) + dtype.type(low)
    by_offset: Codes = (np.searchsorted(within, every, side="right") + (1 + always)).astype(width)
    return lambda values: by_offset.take(np.clip(values, low, high) - dtype.type(low), mode="clip")


def _bisecting(points: npt.NDArray[Any], first: int, width: type[np.unsignedinteger[Any]]) -> Placing:
    """`first` + how many points are not above each value; if they are not too many, by comparing with each."""
    if len(points) > MOST_COMPARED:
        return lambda values: (np.searchsorted(points, values, side="right") + first).astype(width)

    def compare(values: npt.NDArray[Any]) -> Codes:
        codes = np.full(len(values), first, width)
        for point in points:
            codes += (values >= point).view(np.uint8)
        return codes

    return compare


def placing_halves(points: Sequence[int]) -> Placing:
    """For whole numbers of 128 bits, lower and upper half side by side: compared as 64 where they fit."""
    placing_low = placing(points, np.dtype(np.int64))

    def place(both: npt.NDArray[np.int64]) -> Codes:
        low, high = both[:, 0], both[:, 1]
        if np.array_equal(high, low >> 63):
            return placing_low(low)
        exact = [(upper << 64) | (lower & (2**64 - 1)) for lower, upper in both.tolist()]
        return np.array([1 + bisect_right(points, value) for value in exact], narrowest(len(points)))

    return place
