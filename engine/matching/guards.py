"""Guards: what no lookup in a table can tell of a row, asked once a distinct question.

A question is a text pattern, a clause that computes, or a part of a condition that stayed whole. It has a table of
masks like any column (`masks`); what differs is that its value costs something to find. So it is asked only where a
conjunct that is still standing wants to know, and the answer then rules out all conjuncts at once that wanted another.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from dsl.operators import OPERATORS
from dsl.typed import Relation, Test
from engine.matching.answers import Guard, Question
from engine.matching.bound import BoundRules
from engine.matching.columns import Clause, Element, Pattern, is_ordered
from engine.matching.interpreter import holds
from engine.matching.leaves import Bound, Leaf
from engine.matching.masks import bits_of, by_value, mask_of, wanted
from engine.matching.normal_form import Both, Form
from engine.matching.reading import reader
from engine.matching.terms import Row

Answers = dict[int, bool | None]
"""What one row has answered so far, by number of the question."""

Ask = Callable[[Row, Answers], bool | None]


class Guards:
    """The guards of one day's conjuncts; `guarded` is the mask of the conjuncts that have any."""

    def __init__(self, rules: BoundRules, today: dt.date) -> None:
        self._leaves: Mapping[Leaf, Bound] = rules.leaves
        self._today = today
        self._everything = (1 << len(rules.conjuncts)) - 1
        self._numbers: dict[Question, int] = {}
        self._asks: list[Ask] = []
        self._tables: list[tuple[Mapping[Any, int], int]] = []
        self._of: dict[int, list[int]] = defaultdict(list)
        self._add_questions(rules)
        self._add_forms(rules)
        self.guarded = mask_of(self._of)

    def ask(self, standing: int, row: Row) -> int:
        """Those of the standing conjuncts whose guards the row passes."""
        answers: Answers = {}
        asked: set[int] = set()
        pending = standing & self.guarded
        while pending:
            lowest = pending & -pending
            for number in self._of[lowest.bit_length() - 1]:
                if number not in asked:
                    asked.add(number)
                    masks, other = self._tables[number]
                    standing &= masks.get(self._asks[number](row, answers), other)
                if not standing & lowest:
                    break
            pending = (pending ^ lowest) & standing
        return standing

    def _add_questions(self, rules: BoundRules) -> None:
        """Patterns come first: they cost less than clauses that compute."""
        asked = [(column, sets) for column, sets in wanted(rules.conjuncts).items() if isinstance(column, Question)]
        for column, sets in sorted(asked, key=lambda pair: not isinstance(pair[0], Pattern)):
            conjuncts = [number for mask, _ in sets for number in bits_of(mask)]
            self._add(conjuncts, self._question(column), by_value(sets, self._everything))

    def _add_forms(self, rules: BoundRules) -> None:
        conjuncts: dict[Form, list[int]] = defaultdict(list)
        for number, conjunct in enumerate(rules.conjuncts):
            for form in conjunct.rest:
                conjuncts[form].append(number)
        for form, numbers in conjuncts.items():
            self._add(numbers, self._form(form), ({False: self._everything ^ mask_of(numbers)}, self._everything))

    def _add(self, conjuncts: list[int], ask: Ask, table: tuple[Mapping[Any, int], int]) -> None:
        for number in conjuncts:
            self._of[number].append(len(self._asks))
        self._asks.append(ask)
        self._tables.append(table)

    # --- how to ask

    def passing(self, guard: Guard) -> Ask:
        """How to ask whether a row passes one guard."""
        return self._leaf(Bound(*guard)) if isinstance(guard, tuple) else self._form(guard)

    def _question(self, question: Question) -> Ask:
        """Asks a question, or remembers what it was answered."""
        number = self._numbers.setdefault(question, len(self._numbers))
        answer = self._pattern(question) if isinstance(question, Pattern) else self._clause(question)

        def ask(row: Row, answers: Answers) -> bool | None:
            if number not in answers:
                answers[number] = answer(row)
            return answers[number]

        return ask

    def _pattern(self, pattern: Pattern) -> Callable[[Row], bool | None]:
        key, operands, today = pattern.attribute.key, pattern.operands, self._today
        meaning = OPERATORS[pattern.operator].meaning
        return lambda row: None if (text := row.get(key)) is None else meaning(text, operands, today)

    def _clause(self, clause: Clause) -> Callable[[Row], bool | None]:
        return lambda row: holds(clause, row, self._today)

    def _form(self, form: Form) -> Ask:
        """Asks a part of a condition as it stands, up to the item that decides."""
        if isinstance(form, Leaf):
            return self._leaf(self._leaves[form])
        items = [self._form(item) for item in form.items]
        if isinstance(form, Both):
            return lambda row, answers: all(ask(row, answers) for ask in items)
        return lambda row, answers: any(ask(row, answers) for ask in items)

    def _leaf(self, bound: Bound) -> Ask:
        values = bound.values
        match bound.column:
            case Pattern() | Test() | Relation() as question:
                ask = self._question(question)
                return lambda row, answers: values.has_named(ask(row, answers))
            case Element(attribute, element):
                held = _holding(attribute.key, element)
                return lambda row, answers: values.has_named(held(row))
            case column:
                read = reader(column)
                has = values.has_ordered if is_ordered(column) else values.has_named
                return lambda row, answers: has(read(row))


def _holding(key: str, element: str) -> Callable[[Row], bool | None]:
    """Whether a row's set holds the element; None where the set is missing."""
    return lambda row: element in held if isinstance(held := row.get(key), frozenset) else None
