"""The event form: one row against all rules of a moment, as an AND of masks.

A mask is a Python integer with a bit a conjunct. For each column the rules ask about, a table tells, for every class
of values that the rules tell apart, which conjuncts that class does not rule out (a conjunct that does not ask is never
ruled out). Matching is one lookup and one AND a column: a dictionary for named values, a bisection for ordered ones.
`masks` makes the tables. Dates and money, which have to be counted first, are read only where a conjunct that still
stands asks for them.

What a lookup cannot tell (text patterns, clauses that compute, and the parts of a condition too large to multiply out)
are `guards`: asked once a distinct question, and only where a conjunct that still stands after the ANDs wants to know.
With 1,000 rules this takes about as long as formatting a date; a loop over closures asks every rule.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from dsl.datatypes import Kind
from dsl.typed import Attribute, Historic
from engine.matching.bound import BoundRules
from engine.matching.columns import Column, Element, is_ordered, kind_of
from engine.matching.guards import Guards, Question
from engine.matching.keys import key_of
from engine.matching.masks import Elements, FirstOfRun, bits_of, by_class, by_value, wanted
from engine.matching.reading import Reader, reader
from engine.matching.terms import Row
from engine.matching.values import ValueSet

FEW = 12
"""Up to so many standing conjuncts are taken off a mask one by one; more are found by numpy at once."""


class EventIndex:
    """The masks of one moment's rules on one local date."""

    def __init__(self, rules: BoundRules, today: dt.date) -> None:
        self._rules = rules
        self._everything = (1 << len(rules.conjuncts)) - 1
        self._named: list[tuple[str, dict[Any, int], int]] = []
        self._plain: list[tuple[str, list[Any], list[int], int]] = []
        self._costly: list[tuple[int, Reader, list[Any], list[int], int]] = []
        self._elements: list[Elements] = []
        self._add_columns()
        self._guards = Guards(rules, today)
        self._rule_of = [one.rule for one in rules.conjuncts]
        self._first = FirstOfRun(self._rule_of)
        self._rules_of_bits = np.array(self._rule_of, dtype=np.int64)

    def match(self, row: Row) -> list[int]:
        """The numbers of the rules whose condition holds for `row`, ascending."""
        standing = self._everything
        get = row.get
        for key, masks, other in self._named:
            standing &= masks.get(get(key), other)
        for key, points, classes, missing in self._plain:
            value = get(key)
            standing &= missing if value is None else classes[bisect_right(points, value)]
        for elements in self._elements:
            standing &= elements.mask(get(elements.key))
        for asking, read, points, classes, missing in self._costly:
            if standing & asking:
                value = read(row)
                standing &= missing if value is None else classes[bisect_right(points, value)]
        if standing & self._guards.guarded:
            standing = self._guards.ask(standing, row)
        return self._rules_of(standing)

    def _add_columns(self) -> None:
        by_attribute: dict[str, dict[str, list[tuple[int, ValueSet]]]] = defaultdict(dict)
        for column, sets in wanted(self._rules.conjuncts).items():
            if isinstance(column, Question):
                continue
            if isinstance(column, Element):
                by_attribute[column.attribute.key][column.element] = sets
            elif is_ordered(column):
                asking = reduce(or_, (mask for mask, _ in sets))
                self._add_ordered(column, asking, *by_class(sets, self._everything))
            else:
                assert isinstance(column, Attribute)
                self._named.append((column.key, *by_value(sets, self._everything)))
        self._elements = [Elements(key, sets, self._everything) for key, sets in by_attribute.items()]

    def _add_ordered(self, column: Column, asking: int, points: list[Any], classes: list[int], missing: int) -> None:
        if isinstance(column, Attribute | Historic) and kind_of(column) in (Kind.NUMBER, Kind.COUNT, Kind.ELAPSED):
            self._plain.append((key_of(column), points, classes, missing))
        else:
            self._costly.append((asking, reader(column), points, classes, missing))

    def _rules_of(self, standing: int) -> list[int]:
        """The rules of these conjuncts, each once: the conjuncts of one rule are neighbours."""
        standing = self._first.of(standing)
        if standing.bit_count() <= FEW:
            return [self._rule_of[number] for number in bits_of(standing)]
        packed = np.frombuffer(standing.to_bytes(len(self._rule_of) // 8 + 1, "little"), dtype=np.uint8)
        bits = np.unpackbits(packed, bitorder="little").view(np.bool_)
        found: list[int] = self._rules_of_bits[bits.nonzero()[0]].tolist()
        return found
