"""Who is asked about before deciding: the customers of the rows that some rule matched, and the rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.typed import Rule
from engine.decisions.rule_table import Ints, RuleTable


@dataclass(frozen=True, slots=True)
class Asked:
    """`matched` are the numbers of the rules that matched any row, `customers` ids in order.

    Arrays have a place a row of the batch: `customer` a place in `customers` (-1 where no rule matched the row), `at`
    the instant that is due in microseconds of Unix time, `zone` a place in `zones`.
    """

    rules: RuleTable
    matched: tuple[int, ...]
    customers: tuple[str, ...]
    customer: Ints
    subscription: Sequence[str | None]
    at: Ints
    zone: Ints
    zones: tuple[str, ...]
    row: Ints  # of each match
    rule: Ints

    def whom(self, rule: int) -> Ints:
        """The places of the customers whom a rule matched, in order."""
        return np.unique(self.customer[self.row[self.rule == rule]])

    def matched_rules(self) -> list[Rule]:
        """The rules that matched any row."""
        return [self.rules.rules[number] for number in self.matched]

    def since(self) -> dt.datetime:
        """The first instant that is due."""
        first = int(self.at[self.customer >= 0].min(initial=np.iinfo(np.int64).max))
        return dt.datetime.fromtimestamp(first / 1e6, dt.UTC)


def asked_of(batch: pa.Table, rules: RuleTable, row: Ints, rule: Ints) -> Asked:
    """Of a batch with its matches."""
    column = batch["customer"].cast(pa.string()).combine_chunks()
    ids = pc.unique(column.take(pa.array(np.unique(row))))
    ids = ids.take(pc.sort_indices(ids))
    zones = batch["zone"].cast(pa.string()).combine_chunks().dictionary_encode()
    return Asked(
        rules,
        tuple(np.unique(rule).tolist()),
        tuple(ids.to_pylist()),
        np.asarray(pc.fill_null(pc.index_in(column, ids), -1), np.int64),
        batch["subscription"].to_pylist(),
        batch["due_at"].cast(pa.int64()).to_numpy(),
        zones.indices.to_numpy().astype(np.int64),
        tuple(zones.dictionary.to_pylist()),
        row,
        rule,
    )
