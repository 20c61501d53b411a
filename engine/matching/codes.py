"""Columns of a batch as small whole numbers: the class of each value, among those that the rules tell apart.

Class 0 is the missing value. On an ordered column with points p0 < p1 < ..., class 1 lies below p0 and class 2 + i from
p_i upwards; on a named one, class 1 is every value that nobody asks for and class 2 + i the i-th asked for. So "from
p_i upwards" is `codes >= 2 + i` and "is the i-th" is `codes == 2 + i`, comparisons of single bytes that run at the
memory's speed. Texts are compared once a dictionary entry, never once a row; money never leaves whole numbers.

What a column takes is prepared once a batch; codes are made a block at a time, while its values are in the cache.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Kind, exponent
from dsl.typed import Amount, Attribute
from engine.matching.arrays import halves, numbers
from engine.matching.columns import AMOUNT_SCALE, Clause, Column, Element, Pattern, is_ordered, kind_of
from engine.matching.keys import key_of
from engine.matching.named_codes import Coding, Lists, Texts
from engine.matching.number_codes import Codes, narrowest, placing, placing_floats, placing_halves
from engine.matching.terms import OWN_CURRENCY
from engine.matching.values import Point

EPOCH = dt.date(1970, 1, 1).toordinal()


class Coder:
    """The columns of one batch, each made ready to be coded. What several need of a text or list is done once."""

    def __init__(self, table: pa.Table, columns: Sequence[Column]) -> None:
        self._table = table
        self._columns = columns
        self.texts = lru_cache(None)(lambda key: Texts(table[key]))
        self._lists = lru_cache(None)(self._take_apart)

    def coding(self, column: Column, points: Sequence[Point]) -> Coding:
        """How to code a column's rows; `points` are the ordered points or the values asked for, sorted."""
        if isinstance(column, Amount):
            return self._amounts(column, points)
        if isinstance(column, Element):
            return self._lists(column.attribute).coding(column.element)
        assert not isinstance(column, Pattern | Clause), "questions are asked"
        values = self._table[key_of(column)]
        match kind_of(column):
            case Kind.NUMBER:
                return _placed(values, np.float64, placing_floats(points))
            case Kind.COUNT | Kind.PERCENT | Kind.ELAPSED:
                return _placed(values, np.int64, placing(points, np.dtype(np.int64)))
            case Kind.DATE:
                days = [point - EPOCH for point in points]
                return _placed(values.cast(pa.int32()), np.int32, placing(days, np.dtype(np.int32)))
            case Kind.FLAG:
                by_flag = np.array(
                    [2 + points.index(flag) if flag in points else 1 for flag in (False, True)], np.uint8
                )
                return _placed(values.cast(pa.int8()), np.int8, lambda flags: by_flag.take(flags, mode="clip"))
            case Kind.MONEY if is_ordered(column):
                place, both = placing_halves(points), halves(values)
                return lambda start, stop: place(both[start:stop])
            case Kind.MONEY | Kind.SET:
                known = np.asarray(pc.is_valid(values).to_numpy(), np.uint8)
                return lambda start, stop: known[start:stop]
        classes = {value: 2 + number for number, value in enumerate(points)}
        return self.texts(key_of(column)).coding(lambda text: classes.get(text, 1), narrowest(len(points)))

    def _take_apart(self, attribute: Attribute) -> Lists:
        asked = [one.element for one in self._columns if isinstance(one, Element) and one.attribute == attribute]
        return Lists(self._table[attribute.key], asked)

    def _amounts(self, column: Amount, points: Sequence[int]) -> Coding:
        """Minor units are compared with the points in minor units, a currency's number of places at a time."""
        money = self._table[column.money.key]
        minor, present = numbers(money, np.int64)
        currencies = self.texts(f"{column.money.key}.currency")
        places = sorted({exponent(name) for name in currencies.entries if name is not None})
        placings = {number: placing(_in_minor(points, number), minor.dtype) for number in places}
        place_of = currencies.coding(lambda name: 1 + exponent(name), np.uint8)
        counted = self._counted(column, currencies)
        width = narrowest(len(points))

        def code(start: int, stop: int) -> Codes:
            some, is_counted = minor[start:stop], counted(start, stop)
            if present is not None:
                is_counted = is_counted * present[start:stop]
            if len(placings) == 1:
                return placings[places[0]](some) * is_counted
            codes, place = np.zeros(len(some), width), place_of(start, stop)
            for number, classes in placings.items():
                codes += classes(some) * (is_counted * (place == 1 + number))
            return codes

        return code

    def _counted(self, column: Amount, currencies: Texts) -> Coding:
        """1 where an amount is in the currency that is asked."""
        if column.currency is not None:
            return currencies.coding(lambda name: int(name == column.currency), np.uint8)
        own = self.texts(OWN_CURRENCY.key)
        numbers = {name: number for number, name in enumerate(currencies.entries, 1) if name is not None}
        left = currencies.coding(numbers.__getitem__, np.uint32)
        right = own.coding(lambda name: numbers.get(name, len(numbers) + 2), np.uint32)
        return lambda start, stop: ((code := left(start, stop)) == right(start, stop)) & (code != 0)


def _in_minor(points: Sequence[int], places: int) -> list[int]:
    per_minor = AMOUNT_SCALE // 10**places
    return [math.ceil(Fraction(point, per_minor)) for point in points]


def _placed(values: pa.ChunkedArray, dtype: Any, place: Callable[[Any], Codes]) -> Coding:
    """Numbers by their place; 0 where they are missing."""
    stored, present = numbers(values, dtype)
    if present is None:
        return lambda start, stop: place(stored[start:stop])
    return lambda start, stop: place(stored[start:stop]) * present[start:stop]
