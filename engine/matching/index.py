"""The event form: one row against all rules of a moment, as an AND of masks.

A mask is a Python integer with a bit a conjunct. For each column the rules ask about, a table tells, for every class
of values that the rules tell apart, which conjuncts that class does not rule out (a conjunct that does not ask is never
ruled out). Matching is one lookup and one AND a column: a dictionary for named values, a bisection for ordered ones.
`masks` makes the tables, `unrolled` writes the look-ups out. Dates and money, which have to be counted first, are read
only where a conjunct that still stands asks for them. A few rules that are met often are told apart by comparisons
instead (`matcher`).

What a lookup cannot tell (text patterns, clauses that compute, and the parts of a condition too large to multiply out)
are `guards`: asked once a distinct question, and only where a conjunct that still stands after the ANDs wants to know.
With 1,000 rules this takes about as long as formatting a date; a loop over closures asks every rule.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import partial, reduce
from operator import or_

import numpy as np

from dsl.typed import Attribute
from engine.matching.answers import Answers, Question, guards_of
from engine.matching.bound import BoundConjunct, BoundRules
from engine.matching.columns import Column, Element, is_ordered
from engine.matching.guards import Guards
from engine.matching.masks import Elements, FirstOfRun, bits_of, by_class, by_value, mask_of, wanted
from engine.matching.matcher import Matcher
from engine.matching.normal_form import Form
from engine.matching.reading import reader
from engine.matching.terms import Row
from engine.matching.unrolled import NamedMasks, OrderedMasks, unrolled
from engine.matching.values import ValueSet

FEW = 12
"""Up to so many standing conjuncts are taken off a mask one by one; more are found by numpy at once."""


Stood = tuple[Column, ValueSet] | Form
"""What can stand in the way of a conjunct."""


class EventIndex:
    """The masks of one moment's rules on one local date."""

    def __init__(self, rules: BoundRules, today: dt.date) -> None:
        self._rules = rules
        self._today = today
        self._everything = (1 << len(rules.conjuncts)) - 1
        self._named: list[NamedMasks] = []
        self._ordered: list[OrderedMasks] = []
        self._elements: list[Elements] = []
        self._add_columns()
        self._guards = Guards(rules, today)
        self._rule_of = [one.rule for one in rules.conjuncts]
        self._first = FirstOfRun(self._rule_of)
        self._rules_of_bits = np.array(self._rule_of, dtype=np.int64)
        self._match = unrolled(
            self._everything, self._named, self._ordered, self._elements, self._guards, self._rules_of
        )

    def conjuncts_of(self, rules: Collection[int]) -> int:
        """The mask of the conjuncts of some rules."""
        return mask_of(number for number, rule in enumerate(self._rule_of) if rule in rules)

    def match(self, row: Row, among: int | None = None) -> list[int]:
        """The numbers of the rules whose condition holds for `row`, ascending; of the conjuncts `among`, if said."""
        return self._match(row, self._everything if among is None else among)

    def matcher(self, among: int | None = None) -> Matcher:
        """What matches many rows with all rules, or with the conjuncts `among`."""
        tried = self._everything if among is None else among
        conjuncts = [self._rules.conjuncts[number] for number in bits_of(tried)]
        return Matcher(conjuncts, self._guards, self._match if among is None else partial(self._match, standing=among))

    def answers(self, row: Row) -> Answers:
        """What a row says to questions and leaves, each asked once."""
        return Answers(self._rules.leaves, row, self._today)

    def missed_by_one(self, row: Row, among: int | None = None) -> list[tuple[BoundConjunct, Stood]]:
        """The conjuncts that one thing alone keeps from holding, with that thing: a column's set, or a guard.

        Of rules that match there are none, nor of conjuncts that are not `among` those said. Columns are counted like
        bits of a binary counter: who was ruled out once, and who more than once.
        """
        once = more = 0
        tried = self._everything if among is None else among
        for mask in self._masks(row, tried):
            ruled_out = tried & ~mask
            more |= once & ruled_out
            once |= ruled_out
        answers = self.answers(row)
        matching = set(self.match(row, among))
        found = []
        for number in bits_of(tried & ~more):
            conjunct = self._rules.conjuncts[number]
            stood = self._stood(number, answers, is_ruled_out=bool(once >> number & 1))
            if len(stood) == 1 and conjunct.rule not in matching:
                found.append((conjunct, stood[0]))
        return found

    def _stood(self, number: int, answers: Answers, *, is_ruled_out: bool) -> list[Stood]:
        """What stands in the way of a conjunct that at most one column rules out."""
        guards: list[Stood] = [guard for guard in guards_of(self._rules.conjuncts[number]) if not answers.guard(guard)]
        if not is_ruled_out:
            return guards
        sets = self._rules.conjuncts[number].sets.items()
        return guards + [one for one in sets if not isinstance(one[0], Question) and not answers.column(*one)]

    def _masks(self, row: Row, tried: int) -> Iterator[int]:
        """The mask of each column's value, as `match` reads them; of what costs, only what `tried` conjuncts ask."""
        for named in self._named:
            yield named.masks.get(row.get(named.key), named.other)
        for ordered in self._ordered:
            if tried & ordered.asking:
                value = reader(ordered.column)(row)
                yield ordered.missing if value is None else ordered.classes[bisect_right(ordered.points, value)]
        for elements in self._elements:
            yield from elements.each(row.get(elements.key))

    def _add_columns(self) -> None:
        by_attribute: dict[str, dict[str, list[tuple[int, ValueSet]]]] = defaultdict(dict)
        for column, sets in wanted(self._rules.conjuncts).items():
            if isinstance(column, Question):
                continue
            if isinstance(column, Element):
                by_attribute[column.attribute.key][column.element] = sets
            elif is_ordered(column):
                asking = reduce(or_, (mask for mask, _ in sets))
                self._ordered.append(OrderedMasks(column, asking, *by_class(sets, self._everything)))
            else:
                assert isinstance(column, Attribute)
                self._named.append(NamedMasks(column.key, *by_value(sets, self._everything)))
        self._elements = [Elements(key, sets, self._everything) for key, sets in by_attribute.items()]

    def _rules_of(self, standing: int) -> list[int]:
        """The rules of these conjuncts, each once: the conjuncts of one rule are neighbours."""
        standing = self._first.of(standing)
        if standing.bit_count() <= FEW:
            return [self._rule_of[number] for number in bits_of(standing)]
        packed = np.frombuffer(standing.to_bytes(len(self._rule_of) // 8 + 1, "little"), dtype=np.uint8)
        bits = np.unpackbits(packed, bitorder="little").view(np.bool_)
        found: list[int] = self._rules_of_bits[bits.nonzero()[0]].tolist()
        return found
