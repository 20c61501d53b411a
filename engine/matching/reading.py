"""Columns read from a row of state, as their value sets count them (the table in `leaves`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from dsl.datatypes import Kind, Money, exponent
from dsl.typed import Amount
from engine.matching.columns import (
    AMOUNT_SCALE,
    PERCENT_SCALE,
    Clause,
    Column,
    Element,
    Pattern,
    is_ordered,
    kind_of,
)
from engine.matching.computed import EXACT
from engine.matching.keys import key_of
from engine.matching.terms import OWN_CURRENCY, Row

Reader = Callable[[Row], Any]
"""A column's value in a row; None where it is missing."""


def reader(column: Column) -> Reader:
    """How to read a column from a row, as its value sets count it (the table in `leaves`)."""
    if isinstance(column, Amount):
        return _amount_reader(column)
    if isinstance(column, Element | Pattern | Clause):
        raise TypeError("a question about a value is asked of the value")
    return _known(key_of(column), _AS_COUNTED.get(kind_of(column)) if is_ordered(column) else None)


def _known(key: str, counted: Callable[[Any], Any] | None) -> Reader:
    if counted is None:
        return lambda row: row.get(key)
    return lambda row: None if (value := row.get(key)) is None else counted(value)


_AS_COUNTED: dict[Kind, Callable[[Any], Any]] = {
    Kind.DATE: dt.date.toordinal,
    Kind.PERCENT: lambda percent: percent * PERCENT_SCALE,
    Kind.MONEY: lambda amount: EXACT.multiply(amount, AMOUNT_SCALE),
}


_PER_MINOR: list[int] = [AMOUNT_SCALE // 10**places for places in range(5)]


def _amount_reader(column: Amount) -> Reader:
    key, currency, own = column.money.key, column.currency, OWN_CURRENCY.key

    def read(row: Row) -> int | None:
        money = row.get(key)
        if not isinstance(money, Money) or money.currency != (currency or row.get(own)):
            return None
        return money.minor * _PER_MINOR[exponent(money.currency)]

    return read
