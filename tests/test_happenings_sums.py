"""Sums by columns are the sums that exact arithmetic gives, whatever is added: fractions are the oracle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, exponent
from dsl.typed import All, Attribute, Events, SumOf
from engine.happenings.sums import AMOUNTS, summed
from engine.matching.terms import OWN_CURRENCY

ROWS = 9
EVENTS = Events("visit", All(()))
CURRENCIES = ("USD", "EUR", "JPY", "KWD", None)


def drawn(seed: int, values: Sequence[Any], count: int) -> tuple[np.ndarray, np.ndarray, list[Any], random.Random]:
    rng = random.Random(seed)
    rows = np.array([rng.randrange(ROWS - 1) for _ in range(count)], np.int64)
    mask = np.array([rng.random() < 0.8 for _ in range(count)], np.bool_)
    return rows, mask, [rng.choice((None, *values)) for _ in range(count)], rng


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.COUNT])
@pytest.mark.parametrize(
    "values",
    [(1, 2, -7), (2**53, -(2**53), 1, 3), (2**52, 2**52 + 1, -1), (0,), (0.1, 0.2, 0.3, 1e16, -1e16), (2.5, 1)],
    ids=str,
)
@pytest.mark.parametrize("count", [0, 1, 60])
def test_numbers_are_rounded_once(kind: Kind, values: tuple[float, ...], count: int) -> None:
    if kind is Kind.COUNT and any(isinstance(one, float) for one in values):
        pytest.skip("no counts")
    rows, mask, told, _ = drawn(count, values, count)
    term = SumOf(Attribute(Owner.EVENT, "n", DataType(kind)), EVENTS)
    column = pa.chunked_array([pa.array(told, pa.float64() if kind is Kind.NUMBER else pa.int64())])
    found = summed(pa.table({"event.n": column}), rows, mask, term, pa.table({"x": range(ROWS)}))
    exact = [Fraction(0)] * ROWS
    for row, kept, value in zip(rows.tolist(), mask.tolist(), told, strict=True):
        exact[row] += Fraction(value) if kept and value is not None else 0
    assert found.type == pa.float64()
    assert found.to_pylist() == [float(one) for one in exact]


@pytest.mark.parametrize("currency", ["USD", "JPY", None])
@pytest.mark.parametrize(
    "minor",
    [(1, 999, -5), (10**18, -(10**18), 7), (2**63 - 1, -(2**63)), (2**63 // 10_000 // 60, 1), (2**40,)],
    ids=str,
)
@pytest.mark.parametrize("count", [0, 1, 60])
def test_money_is_never_rounded(currency: str | None, minor: tuple[int, ...], count: int) -> None:
    rows, mask, told, rng = drawn(count, minor, count)
    billed = [None if one is None else rng.choice(CURRENCIES[:4]) for one in told]
    own = [rng.choice(CURRENCIES) for _ in range(ROWS)]
    term = SumOf(Attribute(Owner.EVENT, "paid", DataType(Kind.MONEY)), EVENTS, currency)
    properties = pa.table(
        {"event.paid": pa.array(told, pa.int64()), "event.paid.currency": pa.array(billed, pa.string())}
    )
    found = summed(properties, rows, mask, term, pa.table({OWN_CURRENCY.key: pa.array(own, pa.string())}))
    exact = [0] * ROWS
    for row, kept, amount, code in zip(rows.tolist(), mask.tolist(), told, billed, strict=True):
        if kept and amount is not None and code == (currency or own[row]):
            exact[row] += amount * 10 ** (4 - exponent(code))
    assert found.type == AMOUNTS
    assert found.to_pylist() == [Decimal(one).scaleb(-4) for one in exact]
