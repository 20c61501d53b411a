"""Columns read from a row of state, as their value sets count them (the table in `leaves`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsl.datatypes import Kind, Money, exponent
from dsl.typed import Amount
from engine.matching.leaves import AMOUNT_SCALE, PERCENT_SCALE, Column, Element, Pattern
from engine.matching.terms import OWN_CURRENCY, Row

Reader = Callable[[Row], Any]
"""A column's value in a row; None where it is missing."""


def reader(column: Column) -> Reader:
    """How to read a column from a row, as its value sets count it (the table in `leaves`)."""
    if isinstance(column, Amount):
        return _amount_reader(column)
    if isinstance(column, Element | Pattern):
        raise TypeError("a question about a value is asked of the value")
    key = column.key
    match column.type.kind:
        case Kind.DATE:
            return lambda row: None if (value := row.get(key)) is None else value.toordinal()  # type: ignore[union-attr]
        case Kind.PERCENT:
            return lambda row: None if (value := row.get(key)) is None else value * PERCENT_SCALE  # type: ignore[operator]
    return lambda row: row.get(key)


_PER_MINOR: list[int] = [AMOUNT_SCALE // 10**places for places in range(5)]


def _amount_reader(column: Amount) -> Reader:
    key, currency, own = column.money.key, column.currency, OWN_CURRENCY.key

    def read(row: Row) -> int | None:
        money = row.get(key)
        if not isinstance(money, Money) or money.currency != (currency or row.get(own)):
            return None
        return money.minor * _PER_MINOR[exponent(money.currency)]

    return read
