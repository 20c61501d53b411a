"""Numbers as small whole numbers: the class of each value among the points that the rules tell apart (see `codes`).

A number that the rules compare with a few points is compared with each; one with many points close together is looked
up in a table; what is left is bisected. All run over whole columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.matching.arrays import Mask, halves, numbers

Codes = npt.NDArray[np.unsignedinteger[Any]]

WIDEST_TABLE = 1 << 16
"""Whole numbers whose points span no more than this are looked up in a table instead of bisected."""

FEW_POINTS = 4
"""Up to so many points are compared with every value one by one, which is a fifth of a look-up each."""

MOST_COMPARED = 128
"""Where only bisecting is left, comparing wins up to so many points (64 points, 360,000 numbers: 4 ms, not 12)."""

STRETCH = 1 << 15
"""Values that stay in a core's cache."""


def narrowest(points: int) -> type[np.unsignedinteger[Any]]:
    """The narrowest number for the classes of so many points."""
    return np.uint8 if points < 254 else np.uint16 if points < 65534 else np.uint32


def where_present(codes: Codes, present: Mask | None) -> Codes:
    """The codes, 0 where the value is missing; `present` is None where none is."""
    return codes if present is None else codes * present


def floats(values: pa.ChunkedArray, points: Sequence[float]) -> Codes:
    stored, present = numbers(values, np.float64)
    return where_present(_bisected(stored, np.asarray(points, dtype=np.float64), 1, narrowest(len(points))), present)


def integers(values: npt.NDArray[Any], present: Mask | None, points: Sequence[int]) -> Codes:
    return where_present(place(values, points), present)


def decimals(values: pa.ChunkedArray, points: Sequence[int]) -> Codes:
    """Sums of money, never missing: ten-thousandths in 128 bits, compared as 64 where they fit."""
    both = halves(values)
    low, high = both[:, 0], both[:, 1]
    if np.array_equal(high, low >> 63):
        return place(low, points)
    exact = [(upper << 64) | (lower & (2**64 - 1)) for lower, upper in both.tolist()]
    return np.array([1 + bisect_right(points, value) for value in exact], dtype=narrowest(len(points)))


def place(values: npt.NDArray[Any], points: Sequence[int]) -> Codes:
    """1 + how many points are not above each value. Points beyond the type's range are met by all values or by none."""
    width, limits = narrowest(len(points)), np.iinfo(values.dtype)
    always = sum(point <= limits.min for point in points)
    within = np.array([point for point in points if limits.min < point <= limits.max], dtype=values.dtype)
    if not len(within):
        return np.full(len(values), 1 + always, dtype=width)
    low, high = int(within[0]) - 1, int(within[-1])
    if len(within) <= FEW_POINTS or high - low >= WIDEST_TABLE:
        return _bisected(values, within, 1 + always, width)
    every = np.arange(high - low + 1, dtype=values.dtype) + low
    by_offset: Codes = (np.searchsorted(within, every, side="right") + (1 + always)).astype(width)
    codes: Codes = by_offset[np.clip(values, low, high) - low]
    return codes


def _bisected(
    values: npt.NDArray[Any], points: npt.NDArray[Any], first: int, width: type[np.unsignedinteger[Any]]
) -> Codes:
    """`first` + how many points are not above each value; if they are not too many, by comparing with each.

    That is done a stretch at a time, so that the values are fetched once.
    """
    if len(points) > MOST_COMPARED:
        return (np.searchsorted(points, values, side="right") + first).astype(width)
    codes = np.full(len(values), first, dtype=width)
    for start in range(0, len(values), STRETCH):
        some = values[start : start + STRETCH]
        for point in points:
            codes[start : start + STRETCH] += (some >= point).view(np.uint8)
    return codes
