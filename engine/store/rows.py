"""Rows of state out of a batch's columns: the way back from `columns`, for receipts, samples and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dsl.datatypes import Kind, Money, Value
from dsl.typed import Attribute
from engine.store.columns import PERCENT_SCALE
from engine.store.state import CustomerState

Row = dict[str, Value]


def rows_of(table: pa.Table, attributes: Sequence[Attribute]) -> list[Row]:
    """One mapping a row of the table, with the attributes that are present; elapsed ones are not stored."""
    rows: list[Row] = [{} for _ in range(table.num_rows)]
    for attribute in attributes:
        if attribute.type.kind is not Kind.ELAPSED:
            for row, value in zip(rows, _values(table, attribute), strict=True):
                if value is not None:
                    row[attribute.key] = value
    return rows


def _values(table: pa.Table, attribute: Attribute) -> Iterable[Value | None]:
    stored: list[Any] = table[attribute.key].to_pylist()
    match attribute.type.kind:
        case Kind.MONEY:
            currencies = table[f"{attribute.key}.currency"].to_pylist()
            pairs = zip(stored, currencies, strict=True)
            return [None if minor is None or unit is None else Money(minor, unit) for minor, unit in pairs]
        case Kind.SET:
            return [None if each is None else frozenset(each) for each in stored]
        case Kind.PERCENT:
            return [None if each is None else Decimal(each) / PERCENT_SCALE for each in stored]
        case _:
            return stored


def joined(state: CustomerState, subscription: str | None) -> Row:
    """A customer's row together with one of its subscriptions' (None, or one that is gone: the customer alone)."""
    held = next((row for row in state.subscriptions if row["subscription.id"] == subscription), {})
    return {**state.customer, **held}
