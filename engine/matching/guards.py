"""Guards: what no table of masks can tell of a row, asked once a distinct question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from engine.matching.bound import BoundConjunct, evaluate, leaves_of
from engine.matching.leaves import Bound, Element, Leaf, Pattern, is_ordered
from engine.matching.normal_form import Form
from engine.matching.reading import reader
from engine.matching.terms import Row
from engine.matching.values import ValueSet

Guard = tuple[Pattern, ValueSet] | Form
"""A pattern and the answers wanted of it, or a part of a condition that stayed whole."""


def guards_of(conjunct: BoundConjunct) -> tuple[Guard, ...]:
    """What a conjunct asks beyond the tables."""
    patterns = [(column, values) for column, values in conjunct.sets.items() if isinstance(column, Pattern)]
    return (*patterns, *conjunct.rest)


class Answers:
    """What one row says to the guards; each distinct question is asked once."""

    def __init__(self, leaves: Mapping[Leaf, Bound], row: Row, today: dt.date) -> None:
        self._leaves = leaves
        self._row = row
        self._today = today
        self._patterns: dict[Pattern, bool | None] = {}
        self._forms: dict[Form, bool] = {}

    def guard(self, guard: Guard) -> bool:
        """Whether the row passes."""
        if isinstance(guard, tuple):
            return guard[1].has_named(self._pattern(guard[0]))
        if guard not in self._forms:
            self._forms[guard] = evaluate(guard, {leaf: self._leaf(leaf) for leaf in leaves_of([guard])})
        return self._forms[guard]

    def _leaf(self, leaf: Leaf) -> bool:
        bound = self._leaves[leaf]
        match bound.column:
            case Pattern() as pattern:
                return bound.values.has_named(self._pattern(pattern))
            case Element(attribute, element):
                held = self._row.get(attribute.key)
                return bound.values.has_named(element in held if isinstance(held, frozenset) else None)
            case column:
                value = reader(column)(self._row)
                return bound.values.has_ordered(value) if is_ordered(column) else bound.values.has_named(value)

    def _pattern(self, pattern: Pattern) -> bool | None:
        if pattern not in self._patterns:
            value: Value | None = self._row.get(pattern.attribute.key)
            meaning = OPERATORS[pattern.operator].meaning
            self._patterns[pattern] = None if value is None else meaning(value, pattern.operands, self._today)
        return self._patterns[pattern]
