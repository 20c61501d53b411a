"""The compiled rules of one moment: which of them does a row, or a batch of rows, match?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa

from dsl.typed import Attribute, Rule
from engine.matching import batch
from engine.matching.bound import bind_rules, leaves_of
from engine.matching.index import EventIndex
from engine.matching.normal_form import normalise
from engine.matching.terms import Row, attributes_of
from engine.store.rows import rows_of

DAYS_KEPT = 4
"""Local dates whose constants are kept: at one instant the earth has at most three."""

FEW_ROWS = 64
"""Batches of so few rows are matched a row at a time: the batch form has to make every rule's bits even for one."""


class Plan:
    """Rules as both forms of matching want them. Only conditions are asked: `from` and `until` are the caller's.

    `attributes` are the stored values that the conditions read, each once, by key.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        alternatives = [normalise(rule.condition) for rule in rules]
        leaves = {leaf for some in alternatives for one in some for leaf in (*one.leaves, *leaves_of(one.rest))}
        found = {attribute.key: attribute for leaf in leaves for attribute in attributes_of(leaf.term)}
        self.attributes: tuple[Attribute, ...] = tuple(found[key] for key in sorted(found))
        bound = lru_cache(DAYS_KEPT)(lambda today: bind_rules(alternatives, today))
        self._index = lru_cache(DAYS_KEPT)(lambda today: EventIndex(bound(today), today))
        self._program = lru_cache(DAYS_KEPT)(lambda today: batch.compile_program(bound(today)))

    def match_row(self, row: Row, today: dt.date) -> list[int]:
        """The numbers of the rules whose condition holds for `row` on local date `today`, ascending."""
        return self._index(today).match(row)

    def match_batch(self, table: pa.Table, today: dt.date) -> pa.Table:
        """The matches of a batch of local date `today`: int32 columns `row` and `rule`, sorted by row, then rule."""
        if table.num_rows > FEW_ROWS:
            return batch.run(self._program(today), table, today)
        found = [self.match_row(row, today) for row in rows_of(table, self.attributes)]
        pairs = [(number, rule) for number, rules in enumerate(found) for rule in rules]
        return batch.pairs([number for number, _ in pairs], [rule for _, rule in pairs])


def compile_plan(rules: Sequence[Rule]) -> Plan:
    """The plan of the rules of one moment; their numbers are their places in `rules`."""
    return Plan(rules)
