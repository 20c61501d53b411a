"""Columns of a batch as small whole numbers: the class of each value, among those that the rules tell apart.

Class 0 is the missing value. On an ordered column with points p0 < p1 < ..., class 1 lies below p0 and class 2 + i from
p_i upwards; on a named one, class 1 is every value that nobody asks for and class 2 + i the i-th asked for. So "from
p_i upwards" is `codes >= 2 + i` and "is the i-th" is `codes == 2 + i`, comparisons of single bytes that run at the
memory's speed. Texts are compared once a dictionary entry, never once a row; money never leaves whole numbers.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Kind, exponent
from dsl.operators import OPERATORS
from dsl.typed import Amount, Relation, Test
from engine.matching.arrays import Mask, halves, numbers, whole
from engine.matching.columns import AMOUNT_SCALE, Column, Element, Pattern, is_ordered, kind_of
from engine.matching.keys import key_of
from engine.matching.terms import OWN_CURRENCY
from engine.matching.values import Point

Codes = npt.NDArray[np.unsignedinteger[Any]]

EPOCH = dt.date(1970, 1, 1).toordinal()
WIDEST_TABLE = 1 << 16
"""Whole numbers whose points span no more than this are looked up in a table instead of bisected."""

FEW_POINTS = 4
"""Up to so many points are compared with every value one by one, which is a fifth of a look-up each."""

MOST_COMPARED = 128
"""Where only bisecting is left, comparing wins up to so many points (64 points, 360,000 numbers: 4 ms, not 12)."""

STRETCH = 1 << 15
"""Values that stay in a core's cache."""


class Coder:
    """The columns of one batch as codes. What several columns need of a text or a list is worked out once."""

    def __init__(self, table: pa.Table, today: dt.date) -> None:
        self._table = table
        self._today = today
        self._entries = lru_cache(None)(lambda key: _entries(table[key]))
        self._lists = lru_cache(None)(lambda key: _Lists(table[key]))

    def codes(self, column: Column, points: Sequence[Point]) -> Codes:
        """The class of each row's value; `points` are the ordered points or the values asked for, sorted."""
        match column:
            case Amount():
                return self._amounts(column, points)
            case Element(attribute, element):
                return self._lists(attribute.key).codes(element)
            case Pattern(attribute, operator, operands):
                meaning = OPERATORS[operator].meaning
                return self._by_entry(attribute.key, lambda text: 1 + meaning(text, operands, self._today), np.uint8)
            case Test() | Relation():
                return np.zeros(self._table.num_rows, dtype=np.uint8)  # asked later, of the rows that stand
        values = self._table[key_of(column)]
        match kind_of(column):
            case Kind.NUMBER:
                return _floats(values, points)
            case Kind.COUNT | Kind.PERCENT | Kind.ELAPSED:
                return _integers(*numbers(values, np.int64), points)
            case Kind.DATE:
                days, present = numbers(values.cast(pa.int32()), np.int32)
                return _integers(days, present, [point - EPOCH for point in points])
            case Kind.FLAG:
                flags, present = numbers(values.cast(pa.int8()), np.int8)
                by_flag = [2 + points.index(flag) if flag in points else 1 for flag in (False, True)]
                return _without(np.array(by_flag, dtype=np.uint8)[flags], present)
            case Kind.MONEY if is_ordered(column):
                return _decimals(values, points)
            case Kind.MONEY | Kind.SET:
                return np.asarray(pc.is_valid(values).to_numpy(), dtype=np.uint8)
        classes = {value: 2 + number for number, value in enumerate(points)}
        return self._by_entry(key_of(column), lambda text: classes.get(text, 1), _width(len(points)))

    def _by_entry(self, key: str, code: Callable[[str], int], width: type[np.unsignedinteger[Any]]) -> Codes:
        """Codes of a text column, asked once a distinct text; 0 where it is missing."""
        entries, indices = self._entries(key)
        by_entry = np.array([0 if entry is None else code(entry) for entry in entries], dtype=width)
        return np.take(by_entry, indices)

    def _amounts(self, column: Amount, points: Sequence[int]) -> Codes:
        """Minor units are compared with the points in minor units, a currency's number of places at a time."""
        minor, present = numbers(self._table[column.money.key], np.int64)
        currency = f"{column.money.key}.currency"
        places = self._by_entry(currency, lambda name: 1 + exponent(name), np.uint8)
        if column.currency is None:
            counted = self._same_text(currency, OWN_CURRENCY.key)
        else:
            counted = self._by_entry(currency, lambda name: int(name == column.currency), np.uint8) == 1
        if present is not None:
            counted &= present
        codes = np.zeros(len(minor), dtype=_width(len(points)))
        for number in {exponent(name) for name in self._entries(currency)[0] if name is not None}:
            per_minor = AMOUNT_SCALE // 10**number
            classes = _place(minor, [math.ceil(Fraction(point, per_minor)) for point in points])
            codes += classes * (counted & (places == 1 + number))
        return codes

    def _same_text(self, left: str, right: str) -> Mask:
        """Where both columns are present and equal."""
        numbers: dict[str, int] = {}

        def number(text: str) -> int:
            return numbers.setdefault(text, len(numbers) + 1)

        left_codes, right_codes = self._by_entry(left, number, np.uint32), self._by_entry(right, number, np.uint32)
        same: Mask = (left_codes == right_codes) & (left_codes != 0)
        return same


def _width(points: int) -> type[np.unsignedinteger[Any]]:
    """The narrowest number for the classes of so many points."""
    return np.uint8 if points < 254 else np.uint16 if points < 65534 else np.uint32


def _without(codes: Codes, present: Mask | None) -> Codes:
    return codes if present is None else codes * present


# --- ordered columns -------------------------------------------------------------------------------------------------


def _floats(values: pa.ChunkedArray, points: Sequence[float]) -> Codes:
    stored, present = numbers(values, np.float64)
    return _without(_bisected(stored, np.asarray(points, dtype=np.float64), 1, _width(len(points))), present)


def _integers(values: npt.NDArray[Any], present: Mask | None, points: Sequence[int]) -> Codes:
    return _without(_place(values, points), present)


def _decimals(values: pa.ChunkedArray, points: Sequence[int]) -> Codes:
    """Sums of money, never missing: ten-thousandths in 128 bits, compared as 64 where they fit."""
    both = halves(values)
    low, high = both[:, 0], both[:, 1]
    if np.array_equal(high, low >> 63):
        return _place(low, points)
    exact = [(upper << 64) | (lower & (2**64 - 1)) for lower, upper in both.tolist()]
    return np.array([1 + bisect_right(points, value) for value in exact], dtype=_width(len(points)))


def _place(values: npt.NDArray[Any], points: Sequence[int]) -> Codes:
    """1 + how many points are not above each value. Points beyond the type's range are met by all values or by none."""
    width, limits = _width(len(points)), np.iinfo(values.dtype)
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


# --- named columns ---------------------------------------------------------------------------------------------------


def _entries(values: pa.ChunkedArray) -> tuple[list[str | None], npt.NDArray[Any]]:
    """The distinct texts, None last, and for each row its place among them."""
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    found = whole(values.unify_dictionaries())
    entries: list[str | None] = found.dictionary.to_pylist()
    indices = pc.fill_null(found.indices.cast(pa.int32()), len(entries))
    return [*entries, None], indices.to_numpy()


class _Lists:
    """A column of lists, taken apart: each element's text and row."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        lists = whole(values)
        entries, self._indices = _entries(pa.chunked_array([pc.list_flatten(lists)]))
        self._numbers = {entry: number for number, entry in enumerate(entries)}
        self._rows = pc.list_parent_indices(lists).to_numpy()
        self._present = np.asarray(lists.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)

    def codes(self, element: str) -> Codes:
        """0 missing, 1 a list without the element, 2 one with it."""
        codes: Codes = self._present.copy()
        codes[self._rows[self._indices == self._numbers.get(element, -1)]] = 2
        return codes
