"""Terms of a batch as vectors: what `computed.Reader` reads of a row, of all rows at once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Kind, Unit, Value, exponent
from dsl.typed import Amount, Arithmetic, Attribute, Constant, Elapsed, Historic, SumOf, Term
from engine.matching.arrays import Mask, halves, numbers, whole
from engine.matching.columns import AMOUNT_SCALE, PERCENT_SCALE, kind_of
from engine.matching.computed import EXACT
from engine.matching.keys import key_of
from engine.matching.terms import OWN_CURRENCY
from engine.matching.vectors import MOST_PLACES, Vector, calculated, exact, floats, product
from engine.moments.calendar import last_day

NUMERIC = (Kind.NUMBER, Kind.COUNT, Kind.PERCENT, Kind.DATE, Kind.ELAPSED, Kind.MONEY)
"""What a vector can hold; texts and names are compared as they are."""

PERCENT_PLACES = len(str(PERCENT_SCALE)) - 1
AMOUNT_PLACES = len(str(AMOUNT_SCALE)) - 1
MOST = 2**63 - 1


def read_vector(table: pa.Table, term: Term, today: dt.date) -> Vector:
    """The term's values in each row of a batch of local date `today`; its kind is one of NUMERIC."""
    match term:
        case Constant(value):
            return constant(value, table.num_rows)
        case Arithmetic(operator, left, right, type_):
            sides = (read_vector(table, side, today) for side in (left, right))
            return calculated(operator, *sides, as_number=type_.kind is Kind.NUMBER)
        case Elapsed(start, unit):
            return _elapsed(table[key_of(start)], unit, today)
        case Amount():
            return _amounts(table, term)
        case SumOf() if kind_of(term) is Kind.MONEY:
            return _sums(table[key_of(term)])
    return _stored(table, term)


def constant(value: Value, rows: int) -> Vector:
    """The same number in every row; unsure where 64 bits do not hold it."""
    everywhere = np.ones(rows, np.bool_)
    if isinstance(value, float):
        return floats(np.full(rows, value), everywhere)
    whole_number, places = _in_units(value) if isinstance(value, Decimal | int) else (0, MOST_PLACES + 1)
    if places > MOST_PLACES or abs(whole_number) > MOST:
        return exact(np.zeros(rows, np.int64), everywhere).doubting(everywhere)
    return exact(np.full(rows, whole_number), everywhere, places, is_decimal=isinstance(value, Decimal))


def _in_units(value: Decimal | int) -> tuple[int, int]:
    """How many of which units: 49.99 is 4999 of 10^-2."""
    if isinstance(value, int):
        return int(value), 0
    scale = value.as_tuple().exponent
    places = max(-scale, 0) if isinstance(scale, int) else MOST_PLACES + 1
    return int(value.scaleb(places, EXACT)), places


def _days(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


# --- columns ----------------------------------------------------------------------------------------------------------


def _numbers(values: pa.ChunkedArray, dtype: Any) -> tuple[npt.NDArray[Any], Mask]:
    found, present = numbers(values, dtype)
    return found, np.ones(len(found), np.bool_) if present is None else present


def _stored(table: pa.Table, term: Attribute | Historic) -> Vector:
    values = table[key_of(term)]
    match kind_of(term):
        case Kind.NUMBER:
            return floats(*_numbers(values, np.float64))
        case Kind.PERCENT:
            return exact(*_numbers(values, np.int64), PERCENT_PLACES, is_decimal=True)
        case Kind.DATE:
            return exact(*_numbers(values.cast(pa.int32()), np.int64))
    return exact(*_numbers(values, np.int64))


def _elapsed(starts: pa.ChunkedArray, unit: Unit, today: dt.date) -> Vector:
    """Whole days or full months from each date; missing where it lies in the future."""
    days, present = _numbers(starts.cast(pa.int32()), np.int64)
    present = present & (days <= _days(today))
    return exact(_days(today) - days if unit is Unit.DAYS else _full_months(days, today), present)


def _full_months(days: npt.NDArray[np.int64], today: dt.date) -> npt.NDArray[np.int64]:
    """The formula of `calendar.full_months`, of many starts."""
    starts = days.view("datetime64[D]")
    months = starts.astype("datetime64[M]")
    day_of_month = (starts - months).astype(np.int64) + 1
    passed = (today.year - 1970) * 12 + today.month - 1 - months.astype(np.int64)
    found: npt.NDArray[np.int64] = passed - (today.day < np.minimum(day_of_month, last_day(today.year, today.month)))
    return found


def _amounts(table: pa.Table, term: Amount) -> Vector:
    """Ten-thousandths of the currency's unit where the amount is in the currency that is asked."""
    minor, present = _numbers(table[term.money.key], np.int64)
    currencies = texts(table[f"{term.money.key}.currency"])
    wanted = pa.scalar(term.currency, pa.string()) if term.currency else texts(table[OWN_CURRENCY.key])
    same = pc.fill_null(pc.equal(currencies, wanted), pa.scalar(value=False))
    encoded = whole(currencies).dictionary_encode()
    per_minor = [AMOUNT_SCALE // 10 ** exponent(code) for code in encoded.dictionary.to_pylist()]
    factors = np.array([*per_minor, 0], np.int64)[pc.fill_null(encoded.indices, len(per_minor)).to_numpy()]
    values, beyond = product(minor, factors)
    counted = present & np.asarray(same.to_numpy(), np.bool_)
    return exact(values, counted, AMOUNT_PLACES, is_decimal=True).doubting(counted & beyond)


def _sums(values: pa.ChunkedArray) -> Vector:
    """Sums of money: of 128 bits the lower 64 are enough for most."""
    low, high = halves(values).T
    present = np.asarray(values.is_valid().to_numpy(), np.bool_)
    return exact(low.copy(), present, AMOUNT_PLACES, is_decimal=True).doubting(present & (high != low >> 63))


def texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of texts without its dictionary."""
    return values.cast(pa.string())
