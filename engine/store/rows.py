"""Rows of state and columns of a batch, each from the other: for receipts, samples and batches of one customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dsl.datatypes import Kind, Money, Value
from dsl.typed import Attribute
from engine.store.columns import ARROW, PERCENT_SCALE
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


def table_of(rows: Sequence[Mapping[str, Value]], attributes: Sequence[Attribute]) -> pa.Table:
    """The columns of a batch from rows of state; the inverse of `rows_of`."""
    columns: dict[str, pa.Array] = {}
    for attribute in attributes:
        values: list[Any] = [row.get(attribute.key) for row in rows]
        match attribute.type.kind:
            case Kind.ELAPSED:
                continue
            case Kind.MONEY:
                columns[f"{attribute.key}.currency"] = pa.array(
                    [each and each.currency for each in values], pa.string()
                )
                columns[attribute.key] = pa.array([each and each.minor for each in values], pa.int64())
                continue
            case Kind.SET:
                values = [None if each is None else sorted(each) for each in values]
            case Kind.PERCENT:
                values = [None if each is None else int(each * PERCENT_SCALE) for each in values]
        columns[attribute.key] = pa.array(values, ARROW[attribute.type.kind])
    return pa.table(columns) if columns else pa.table({"": pa.nulls(len(rows))}).drop_columns("")


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
