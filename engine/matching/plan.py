"""The compiled rules of one moment: which of them does a row, or a batch of rows, match?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.typed import Attribute, Condition, Historic, Rule
from engine.matching import batch
from engine.matching.bound import bind_rules
from engine.matching.index import EventIndex
from engine.matching.near import Way, ways
from engine.matching.normal_form import normalise
from engine.matching.program import compile_program
from engine.matching.reads import asked_of, attributes_of
from engine.matching.rows import full_rows
from engine.matching.terms import Row

DAYS_KEPT = 4
"""Local dates whose constants are kept: at one instant the earth has at most three."""

FEW_ROWS = 64
"""Batches of so few rows are matched a row at a time: the batch form has to make every rule's bits even for one."""


class Plan:
    """Conditions as both forms of matching want them; "rule" number n is the n-th of them.

    `attributes` are the stored values that the conditions read, each once, by key; `terms` what they ask of what
    happened before. A batch has a column for each of both, a row a key.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        alternatives = [normalise(condition) for condition in conditions]
        asked = dict.fromkeys(term for condition in conditions for term in asked_of(condition))
        found = {attribute.key: attribute for term in asked for attribute in attributes_of(term)}
        self.attributes: tuple[Attribute, ...] = tuple(found[key] for key in sorted(found))
        self.terms: tuple[Historic, ...] = tuple(term for term in asked if isinstance(term, Historic))
        bound = lru_cache(DAYS_KEPT)(lambda today: bind_rules(alternatives, today))
        self._index = lru_cache(DAYS_KEPT)(lambda today: EventIndex(bound(today), today))
        self._program = lru_cache(DAYS_KEPT)(lambda today: compile_program(bound(today)))

    def match_row(self, row: Row, today: dt.date) -> list[int]:
        """The numbers of the rules whose condition holds for `row` on local date `today`, ascending."""
        return self._index(today).match(row)

    def near_misses(self, row: Row, today: dt.date) -> list[Way]:
        """What keeps rules from matching that do not, where it is one thing alone (`near`); nearest first."""
        return ways(self._index(today), row, today)

    def match_batch(self, table: pa.Table, today: dt.date) -> pa.Table:
        """The matches of a batch of local date `today`: int32 columns `row` and `rule`, sorted by row, then rule."""
        if table.num_rows > FEW_ROWS:
            return batch.run(self._program(today), table, today)
        found = [self.match_row(row, today) for row in full_rows(table, self.attributes, self.terms)]
        pairs = [(number, rule) for number, rules in enumerate(found) for rule in rules]
        return batch.pairs([number for number, _ in pairs], [rule for _, rule in pairs])

    def count_batch(self, table: pa.Table, today: dt.date) -> npt.NDArray[np.int64]:
        """How many rows of a batch of local date `today` each rule matches, by its number."""
        return batch.counts(self._program(today), table, today)


def compile_plan(rules: Sequence[Rule]) -> Plan:
    """The plan of the rules of one moment; their numbers are their places in `rules`.

    Only conditions are asked: `from` and `until` are the caller's.
    """
    return Plan([rule.condition for rule in rules])
