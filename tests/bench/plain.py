"""Checked conditions without Carpe: comparisons of flat fields with plain constants, which every peer can say.

The calendar and the money are worked out beforehand, and generously: a peer compares whole numbers (days since 1970,
cents) and never does date arithmetic, and asks one flag whether an amount is in the subscription's own currency.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dsl.datatypes import Unit
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Test
from engine.moments.calendar import day_cutoff, month_cutoff

EPOCH = dt.date(1970, 1, 1).toordinal()
ORDERED = {"less": "<", "less_or_equal": "<=", "greater": ">", "greater_or_equal": ">="}


@dataclass(frozen=True, slots=True)
class Compare:
    """A field beside a constant: `==`, `<`, `<=`, `>`, `>=`, `in` (one of several), `has` (a list has it), `starts`."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    items: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Some:
    items: tuple[Plain, ...]


Plain = Compare | Every | Some

Event = Callable[[dict[str, Any]], list[int]]
"""A peer that was given all rules: the numbers of those that a flat row matches."""


def plain(condition: Condition, today: dt.date) -> Plain:
    """The same condition on flat fields."""
    match condition:
        case All(items):
            return Every(tuple(plain(item, today) for item in items))
        case AnyOf(items):
            return Some(tuple(plain(item, today) for item in items))
        case Test(operator, Amount(money, currency), operands):
            own = Compare(f"{money.name}_own", "==", True)
            of = own if currency is None else Compare(f"{money.name}_currency", "==", currency)
            return Every((of, *_ordered(money.name, operator, [int(amount * 100) for amount in operands])))
        case Test(operator, Elapsed(Attribute(name=name), unit), operands):
            return _every([_since(one, unit, today) for one in _ordered(name, operator, operands)])
        case Test("within_next", Attribute(name=name), (days,)):
            first = today.toordinal() - EPOCH
            return Every((Compare(name, ">=", first), Compare(name, "<=", first + days)))
        case Test(operator, Attribute(name=name), operands):
            return _every(_ordered(name, operator, operands))
    raise TypeError(f"the bench has no plain form of {condition}")


def _every(items: Sequence[Plain]) -> Plain:
    return items[0] if len(items) == 1 else Every(tuple(items))


def _ordered(field: str, operator: str, operands: Sequence[Any]) -> list[Compare]:
    match operator:
        case "between":
            return [Compare(field, ">=", operands[0]), Compare(field, "<=", operands[1])]
        case "in":
            return [Compare(field, "in", tuple(operands))]
        case "is_true" | "is_false":
            return [Compare(field, "==", operator == "is_true")]
        case _:
            name = {"equal": "==", "includes": "has", "starts_with": "starts", **ORDERED}[operator]
            return [Compare(field, name, operands[0])]


def _since(asked: Compare, unit: Unit, today: dt.date) -> Compare:
    """Time elapsed beside whole units, as the start beside a day: "at least n" holds of the starts up to a cutoff."""
    at_least = asked.operator in (">=", ">")
    least = asked.value if asked.operator in (">=", "<") else asked.value + 1
    cutoff = day_cutoff(today, least) if unit is Unit.DAYS else month_cutoff(today, least)
    assert cutoff is not None
    return Compare(asked.field, "<=" if at_least else ">", cutoff.toordinal() - EPOCH)


def flat(table: pa.Table) -> pa.Table:
    """A batch with the fields that plain conditions compare: bare names, days and cents as whole numbers."""
    columns: dict[str, Any] = {}
    for key in table.column_names:
        name = key.partition(".")[2].replace(".", "_")
        column = table[key]
        columns[name] = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    own = pc.equal(columns["mrr_currency"].cast(pa.string()), columns["currency"].cast(pa.string()))
    return pa.table({**columns, "mrr_own": own})
