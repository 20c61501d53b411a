"""The compiled rules of one moment: which of them does a row, or a batch of rows, match?

A plan is made once of all rules of a moment. Which of them are tried is a mask over it (`Plan.only`): a rule out of its
dates, too late to be caught up or switched off is left out without a new normal form, binding or index, and neither its
columns nor what it asks of the past are read.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.typed import Attribute, Condition, Historic, Rule
from engine.matching import batch
from engine.matching.bound import BoundRules, bind_rules
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


class _Compiled:
    """Conditions in normal form and bound to days: what a plan and all its masks share."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        alternatives = [normalise(condition) for condition in conditions]
        self.size = len(alternatives)
        self.asked = [asked_of(condition) for condition in conditions]
        self.bound = bound = lru_cache(DAYS_KEPT)(lambda today: bind_rules(alternatives, today))
        self.index = lru_cache(DAYS_KEPT)(lambda today: EventIndex(bound(today), today))
        self.program = lru_cache(DAYS_KEPT)(lambda today: compile_program(bound(today)))


class Plan:
    """Conditions as both forms of matching want them; "rule" number n is the n-th of them.

    `numbers` are the rules that are tried, ascending: all of them, or those of a mask. `attributes` are the stored
    values that these read, each once, by key; `terms` what they ask of what happened before. A batch has a column for
    each of both, a row a key.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._compiled = compiled = _Compiled(conditions)
        self._choose(range(compiled.size))
        self._index, self._program = compiled.index, compiled.program
        self._among: Callable[[dt.date], int | None] = lambda today: None
        self._matcher = lru_cache(DAYS_KEPT)(lambda today: compiled.index(today).matcher())

    def only(self, numbers: Iterable[int]) -> Plan:
        """This plan with a mask: of its rules only these are tried. Their numbers stay, and so does the index.

        Making one takes a thousandth of what compiling does, and the batch form's numbering some milliseconds for a
        thousand rules, at the first batch of a day: keep it for as long as the mask is wanted.
        """
        some = frozenset(numbers) & frozenset(self.numbers)
        if len(some) == len(self.numbers):
            return self
        masked, compiled = copy.copy(self), self._compiled
        masked._choose(sorted(some))
        masked._among = lru_cache(DAYS_KEPT)(lambda today: compiled.index(today).conjuncts_of(some))
        masked._matcher = lru_cache(DAYS_KEPT)(lambda today: compiled.index(today).matcher(masked._among(today)))
        masked._program = lru_cache(DAYS_KEPT)(lambda today: compile_program(_masked(compiled.bound(today), some)))
        return masked

    def _choose(self, numbers: Sequence[int]) -> None:
        asked = dict.fromkeys(term for number in numbers for term in self._compiled.asked[number])
        found = {attribute.key: attribute for term in asked for attribute in attributes_of(term)}
        self.numbers: tuple[int, ...] = tuple(numbers)
        self.attributes: tuple[Attribute, ...] = tuple(found[key] for key in sorted(found))
        self.terms: tuple[Historic, ...] = tuple(term for term in asked if isinstance(term, Historic))

    def match_row(self, row: Row, today: dt.date) -> list[int]:
        """The numbers of the rules whose condition holds for `row` on local date `today`, ascending."""
        return self._matcher(today).match(row)

    def near_misses(self, row: Row, today: dt.date) -> list[Way]:
        """What keeps rules from matching that do not, where it is one thing alone (`near`); nearest first."""
        return ways(self._index(today), row, today, self._among(today))

    def match_batch(self, table: pa.Table, today: dt.date) -> pa.Table:
        """The matches of a batch of local date `today`: int32 columns `row` and `rule`, sorted by row, then rule."""
        if table.num_rows > FEW_ROWS:
            return batch.run(self._program(today), table, today)
        found = [self.match_row(row, today) for row in full_rows(table, self.attributes, self.terms)]
        pairs = [(number, rule) for number, rules in enumerate(found) for rule in rules]
        return batch.pairs([number for number, _ in pairs], [rule for _, rule in pairs])

    def count_batch(self, table: pa.Table, today: dt.date) -> npt.NDArray[np.int64]:
        """How many rows of a batch of local date `today` each rule matches, by its number; 0 of those not tried."""
        return batch.counts(self._program(today), table, today)


def _masked(rules: BoundRules, some: frozenset[int]) -> BoundRules:
    return BoundRules(rules.size, tuple(one for one in rules.conjuncts if one.rule in some), rules.leaves)


def compile_plan(rules: Sequence[Rule]) -> Plan:
    """The plan of the rules of one moment; their numbers are their places in `rules`.

    Only conditions are asked: `from` and `until` are the caller's.
    """
    return Plan([rule.condition for rule in rules])
