"""Sums of events' properties, exact: a number is rounded once, money never.

Whole numbers are added by columns where no sum can pass the range in which a column's own arithmetic is exact; the
rest a row at a time.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Kind, exponent
from dsl.typed import SumOf
from engine.happenings.occasions import Mask, Numbers
from engine.matching.columns import AMOUNT_SCALE
from engine.matching.computed import EXACT, total
from engine.matching.terms import OWN_CURRENCY

LARGEST_WHOLE = 2**53
"""Up to here every whole number is a float."""

AMOUNTS = pa.decimal128(38, 4)


def summed(properties: pa.Table, rows: Numbers, mask: Mask, term: SumOf, batch: pa.Table) -> pa.Array:
    """The sum a row of the batch; 0 for none. A float, or money in major units of the compared currency.

    `properties` are those of all events, `rows` what each counts for; `mask` says which are added.
    """
    values = properties[term.property.key]
    if term.property.type.kind is not Kind.MONEY:
        mask = mask & _present(values)
        numbers = pc.fill_null(values, pa.scalar(0, values.type)).to_numpy().astype(np.float64)
        return pa.array(_numbers(rows[mask], numbers[mask], batch.num_rows), pa.float64())
    own = _own_currencies(term, batch)
    same = pc.equal(properties[f"{term.property.key}.currency"], own.take(pa.array(rows)))
    mask = mask & np.asarray(pc.fill_null(same, fill_value=False).to_numpy()) & _present(values)
    return _money(rows[mask], pc.fill_null(values, 0).to_numpy()[mask], own)


def _present(values: pa.ChunkedArray) -> Mask:
    return np.asarray(values.is_valid().to_numpy(), np.bool_)


def _numbers(rows: Numbers, values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore"):
        is_exact = np.abs(values).sum() < LARGEST_WHOLE and np.array_equal(values, np.floor(values))
    if is_exact:
        return np.bincount(rows, weights=values, minlength=size).astype(np.float64)
    sums = np.zeros(size)
    order = np.argsort(rows, kind="stable")
    rows, values = rows[order], values[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    listed, ends = values.tolist(), [*starts[1:].tolist(), len(rows)]
    sums[rows[starts]] = [total(listed[start:end]) for start, end in zip(starts.tolist(), ends, strict=True)]
    return sums


# --- money -----------------------------------------------------------------------------------------------------------


def _own_currencies(term: SumOf, batch: pa.Table) -> pa.ChunkedArray:
    if term.currency:
        return pa.chunked_array([pa.repeat(term.currency, batch.num_rows)])
    return batch[OWN_CURRENCY.key].cast(pa.string())


def _money(rows: Numbers, minor: Numbers, own: pa.ChunkedArray) -> pa.Array:
    """Minor units added by row; `own` is each row's currency."""
    largest = max(int(minor.max()), -int(minor.min())) if len(minor) else 0
    if largest * AMOUNT_SCALE * len(minor) >= 2**63:
        return _large_money(rows, minor, own.to_pylist())
    sums = np.zeros(len(own), np.int64)
    np.add.at(sums, rows, minor)
    return _decimals(sums * _scales(own))


def _scales(own: pa.ChunkedArray) -> Numbers:
    """How many ten-thousandths of its unit the minor unit of each row's currency is; anything where it has none."""
    names = pc.unique(own)
    scales = [AMOUNT_SCALE // 10 ** exponent(name) if name is not None else 1 for name in names.to_pylist()]
    places: Numbers = pc.index_in(own, names).to_numpy()
    return np.array(scales, np.int64)[places]


def _decimals(ten_thousandths: Numbers) -> pa.Array:
    """As decimals: the lower and the upper half of 128 bits."""
    halves = np.stack([ten_thousandths, ten_thousandths >> 63], axis=1)
    return pa.Array.from_buffers(AMOUNTS, len(halves), [None, pa.py_buffer(halves)])


def _large_money(rows: Numbers, minor: Numbers, own: list[str | None]) -> pa.Array:
    sums: dict[int, int] = defaultdict(int)
    for row, amount in zip(rows.tolist(), minor.tolist(), strict=True):
        sums[row] += amount
    return pa.array([_major(sums[row], currency) for row, currency in enumerate(own)], AMOUNTS)


def _major(minor: int, currency: str | None) -> Decimal:
    return Decimal(0) if currency is None else Decimal(minor).scaleb(-exponent(currency), EXACT)
