"""What one row answers to anything that a conjunct asks, one question at a time: for those who want to know why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from engine.matching.bound import BoundConjunct, leaves_of
from engine.matching.columns import Clause, Column, Element, Pattern, is_ordered
from engine.matching.interpreter import holds
from engine.matching.leaves import Bound, Leaf
from engine.matching.normal_form import Either, Form
from engine.matching.reading import reader
from engine.matching.terms import Row
from engine.matching.values import ValueSet

Question = Pattern | Clause

Guard = tuple[Question, ValueSet] | Form
"""A question and the answers wanted of it, or a part of a condition that stayed whole."""


def guards_of(conjunct: BoundConjunct) -> tuple[Guard, ...]:
    """What a conjunct asks beyond the tables."""
    questions = [(column, values) for column, values in conjunct.sets.items() if isinstance(column, Question)]
    return (*questions, *conjunct.rest)


class Answers:
    """What one row says to the guards; each distinct question is asked once."""

    def __init__(self, leaves: Mapping[Leaf, Bound], row: Row, today: dt.date) -> None:
        self._leaves = leaves
        self._row = row
        self._today = today
        self._questions: dict[Question, bool | None] = {}
        self._forms: dict[Form, bool] = {}

    def guard(self, guard: Guard) -> bool:
        """Whether the row passes."""
        if isinstance(guard, tuple):
            return self.column(*guard)
        if guard not in self._forms:
            self._forms[guard] = _evaluate(guard, {leaf: self.leaf(leaf) for leaf in leaves_of([guard])})
        return self._forms[guard]

    def bound(self, leaf: Leaf) -> Bound:
        """What the leaf asks on this day."""
        return self._leaves[leaf]

    def leaf(self, leaf: Leaf) -> bool:
        """Whether the row passes a leaf."""
        bound = self.bound(leaf)
        return self.column(bound.column, bound.values)

    def column(self, column: Column, values: ValueSet) -> bool:
        """Whether the row's value of a column is in a set."""
        value = self.value(column)
        return values.has_ordered(value) if is_ordered(column) else values.has_named(value)

    def value(self, column: Column) -> Any:
        """The row's value of a column, as its sets count it; None where it is missing."""
        if isinstance(column, Question):
            return self._ask(column)
        if isinstance(column, Element):
            held = self._row.get(column.attribute.key)
            return column.element in held if isinstance(held, frozenset) else None
        return reader(column)(self._row)

    def _ask(self, question: Question) -> bool | None:
        if question not in self._questions:
            self._questions[question] = self._answer(question)
        return self._questions[question]

    def _answer(self, question: Question) -> bool | None:
        if not isinstance(question, Pattern):
            return holds(question, self._row, self._today)
        value: Value | None = self._row.get(question.attribute.key)
        meaning = OPERATORS[question.operator].meaning
        return None if value is None else meaning(value, question.operands, self._today)


def _evaluate(form: Form, leaf_holds: Mapping[Leaf, bool]) -> bool:
    """The truth of a tree whose leaves are known."""
    if isinstance(form, Leaf):
        return leaf_holds[form]
    verdicts = (_evaluate(item, leaf_holds) for item in form.items)
    return any(verdicts) if isinstance(form, Either) else all(verdicts)
