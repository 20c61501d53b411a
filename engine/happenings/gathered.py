"""Events one by one, where counting them is not enough: those that satisfy a `where`, and what they add up to.

A `where` is matched like a rule: the batch form over the properties of all events at once.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.catalog import Owner
from dsl.datatypes import Kind, exponent
from dsl.typed import All, Attribute, Condition, SumOf
from engine.matching.computed import EXACT, total
from engine.matching.plan import Plan
from engine.matching.terms import OWN_CURRENCY
from engine.store.columns import read_documents

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Events and the row of the batch that each counts for: `row`, when it was `at`, its properties as JSON texts."""

    row: Rows
    at: Sequence[dt.datetime]
    documents: Sequence[str]

    def take(self, numbers: Sequence[int] | Rows) -> Gathered:
        chosen = [int(number) for number in numbers]
        return Gathered(self.row[chosen], [self.at[n] for n in chosen], [self.documents[n] for n in chosen])


@lru_cache(maxsize=256)
def _plan(where: Condition) -> Plan:
    return Plan([where])


def satisfying(events: Gathered, where: Condition, batch: pa.Table, day: dt.date) -> Gathered:
    """The events whose properties satisfy the condition on local date `day`."""
    if where == All(()):
        return events
    plan = _plan(where)
    own = [one for one in plan.attributes if one.owner is Owner.EVENT]
    table = properties(events, own)
    if OWN_CURRENCY in plan.attributes:
        table = table.append_column(OWN_CURRENCY.key, batch[OWN_CURRENCY.key].take(pa.array(events.row)))
    return events.take(plan.match_batch(table, day)["row"].to_numpy())


def properties(events: Gathered, attributes: Sequence[Attribute]) -> pa.Table:
    """The events' own columns as a batch has them."""
    table = read_documents(pa.array(events.documents, pa.large_string()), {one.name: one.type for one in attributes})
    return table.rename_columns([f"{Owner.EVENT}.{name}" for name in table.column_names])


def summed(events: Gathered, term: SumOf, batch: pa.Table) -> pa.Array:
    """The sum a row: a float rounded once, or exact money in major units of the compared currency; 0 for none."""
    table = properties(events, [term.property])
    if term.property.type.kind is Kind.MONEY:
        return _money(events.row, table, term, batch)
    by_row: dict[int, list[float]] = defaultdict(list)
    for row, value in zip(events.row.tolist(), table[term.property.key].to_pylist(), strict=True):
        if value is not None:
            by_row[row].append(float(value))
    return pa.array([total(by_row.get(row, [])) for row in range(batch.num_rows)], pa.float64())


def _money(rows: Rows, table: pa.Table, term: SumOf, batch: pa.Table) -> pa.Array:
    own = [term.currency] * batch.num_rows if term.currency else batch[OWN_CURRENCY.key].to_pylist()
    minor: dict[int, int] = defaultdict(int)
    amounts, currencies = table[term.property.key].to_pylist(), table[f"{term.property.key}.currency"].to_pylist()
    for row, amount, currency in zip(rows.tolist(), amounts, currencies, strict=True):
        if amount is not None and currency is not None and currency == own[row]:
            minor[row] += amount
    sums = (Decimal(minor[row]).scaleb(-exponent(own[row]), EXACT) if row in minor else 0 for row in range(len(own)))
    return pa.array([Decimal(each) for each in sums], pa.decimal128(38, 4))
