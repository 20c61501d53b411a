"""The event form: one row against all rules of a moment, as an AND of masks.

A mask is a Python integer with a bit a conjunct. For each column the rules ask about, a table tells, for every class
of values that the rules tell apart, which conjuncts that class does not rule out (a conjunct that does not ask is never
ruled out). Matching is one lookup and one AND a column: a dictionary for named values, a bisection for ordered ones.
The tables are made from the toggles of the value sets (`values`): start with the conjuncts whose set holds the first
class, and flip, at each point, the conjuncts whose set flips there.

What a table cannot tell (text patterns, and the parts of a condition too large to multiply out) are guards: asked once
a distinct question, and only of the conjuncts still standing after the ANDs. With 1,000 rules this takes about as long
as formatting a date; a loop over closures asks every rule.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from operator import xor
from typing import Any

import numpy as np

from dsl.datatypes import Kind, Money, Value, exponent
from dsl.operators import OPERATORS
from dsl.typed import Amount, Attribute
from engine.matching.bound import BoundConjunct, BoundRules, evaluate, leaves_of
from engine.matching.leaves import AMOUNT_SCALE, PERCENT_SCALE, Bound, Column, Element, Leaf, Pattern, is_ordered
from engine.matching.normal_form import Form
from engine.matching.terms import OWN_CURRENCY, Row
from engine.matching.values import ValueSet

Reader = Callable[[Row], Any]
"""A column's value in a row as its value sets count it; None where it is missing."""

FEW = 6
"""Up to so many standing conjuncts are taken off a mask one by one; more are found by numpy at once."""


class EventIndex:
    """The masks of one moment's rules on one local date."""

    def __init__(self, rules: BoundRules, today: dt.date) -> None:
        self._rules = rules
        self._today = today
        self._everything = (1 << len(rules.conjuncts)) - 1
        self._named: list[tuple[str, dict[Any, int], int]] = []
        self._plain: list[tuple[str, list[Any], list[int], int]] = []
        self._ordered: list[tuple[Reader, list[Any], list[int], int]] = []
        self._elements: list[_Elements] = []
        self._add_columns()
        self._rule_of = np.array([one.rule for one in rules.conjuncts], dtype=np.int64)
        self._guards = {number: _guards(one) for number, one in enumerate(rules.conjuncts)}
        self._guarded = _mask(number for number, guards in self._guards.items() if guards)

    def match(self, row: Row) -> list[int]:
        """The numbers of the rules whose condition holds for `row`, ascending."""
        standing = self._everything
        get = row.get
        for key, masks, other in self._named:
            standing &= masks.get(get(key), other)
        for key, points, classes, missing in self._plain:
            value = get(key)
            standing &= missing if value is None else classes[bisect_right(points, value)]
        for read, points, classes, missing in self._ordered:
            value = read(row)
            standing &= missing if value is None else classes[bisect_right(points, value)]
        for elements in self._elements:
            standing &= elements.mask(get(elements.key))
        if standing & self._guarded:
            standing = self._ask_guards(standing, row)
        return self._rules_of(standing)

    def _add_columns(self) -> None:
        by_attribute: dict[str, dict[str, list[tuple[int, ValueSet]]]] = defaultdict(dict)
        for column, sets in _wanted(self._rules.conjuncts).items():
            if isinstance(column, Pattern):
                continue
            if isinstance(column, Element):
                by_attribute[column.attribute.key][column.element] = sets
            elif is_ordered(column):
                self._add_ordered(column, *_classes(sets, self._everything))
            else:
                assert isinstance(column, Attribute)
                self._named.append((column.key, *_by_value(sets, self._everything)))
        self._elements = [_Elements(key, sets, self._everything) for key, sets in by_attribute.items()]

    def _add_ordered(self, column: Column, points: list[Any], classes: list[int], missing: int) -> None:
        if isinstance(column, Attribute) and column.type.kind in (Kind.NUMBER, Kind.COUNT):
            self._plain.append((column.key, points, classes, missing))
        else:
            self._ordered.append((reader(column), points, classes, missing))

    def _ask_guards(self, standing: int, row: Row) -> int:
        answers = _Answers(self._rules.leaves, row, self._today)
        for number in _bits(standing & self._guarded):
            if not all(answers.guard(guard) for guard in self._guards[number]):
                standing ^= 1 << number
        return standing

    def _rules_of(self, standing: int) -> list[int]:
        if standing.bit_count() <= FEW:
            rule_of = self._rule_of
            return list(dict.fromkeys(int(rule_of[number]) for number in _bits(standing)))
        packed = np.frombuffer(standing.to_bytes(len(self._rule_of) // 8 + 1, "little"), dtype=np.uint8)
        numbers = np.flatnonzero(np.unpackbits(packed, bitorder="little"))
        return list(dict.fromkeys(self._rule_of[numbers].tolist()))


# --- tables from toggles ---------------------------------------------------------------------------------------------


def _wanted(conjuncts: Iterable[BoundConjunct]) -> dict[Column, list[tuple[int, ValueSet]]]:
    """For each column, the distinct sets wanted of it, with the mask of the conjuncts that want each."""
    numbers: dict[Column, dict[ValueSet, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, conjunct in enumerate(conjuncts):
        for column, values in conjunct.sets.items():
            numbers[column][values].append(number)
    return {column: [(_mask(some), values) for values, some in sets.items()] for column, sets in numbers.items()}


def _mask(numbers: Iterable[int]) -> int:
    found = list(numbers)
    octets = bytearray(max(found, default=0) // 8 + 1)
    for number in found:
        octets[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(octets, "little")


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _first_and_missing(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[int, int]:
    """The masks for the first class and for the missing value: those who do not ask, and those whose set holds it."""
    asking = inside = missing = 0
    for mask, values in sets:
        asking |= mask
        inside |= mask if values.inside else 0
        missing |= mask if values.missing else 0
    free = everything & ~asking
    return free | inside, free | missing


def _flips(sets: list[tuple[int, ValueSet]]) -> dict[Any, int]:
    flips: dict[Any, int] = defaultdict(int)
    for mask, values in sets:
        for point in values.toggles:
            flips[point] |= mask
    return flips


def _classes(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[list[Any], list[int], int]:
    """For an ordered column: the points, the mask of each class between them, and that of the missing value."""
    first, missing = _first_and_missing(sets, everything)
    flips = _flips(sets)
    points = sorted(flips)
    return points, list(accumulate((flips[point] for point in points), xor, initial=first)), missing


def _by_value(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[dict[Any, int], int]:
    """For a named column: the mask of each value that is a point (and of None), and that of every other value."""
    other, missing = _first_and_missing(sets, everything)
    return {None: missing, **{point: other ^ mask for point, mask in _flips(sets).items()}}, other


class _Elements:
    """The masks of a set attribute, an element that is asked for at a time; the answer for a whole set is kept."""

    KEPT = 4096

    def __init__(self, key: str, sets: Mapping[str, list[tuple[int, ValueSet]]], everything: int) -> None:
        self.key = key
        self._everything = everything
        self._tables = {element: _by_value(some, everything) for element, some in sets.items()}
        self._kept: dict[Any, int] = {}

    def mask(self, held: Any) -> int:
        found = self._kept.get(held)
        if found is None:
            found = self._everything
            for element, (masks, other) in self._tables.items():
                found &= masks.get(None if held is None else element in held, other)
            if len(self._kept) >= self.KEPT:
                self._kept.clear()
            self._kept[held] = found
        return found


# --- values and guards -----------------------------------------------------------------------------------------------


def reader(column: Column) -> Reader:
    """How to read a column from a row, as its value sets count it (the table in `leaves`)."""
    if isinstance(column, Amount):
        return _amount_reader(column)
    if isinstance(column, Element | Pattern):
        raise TypeError("a question about a value is asked of the value")
    key = column.key
    match column.type.kind:
        case Kind.DATE:
            return lambda row: None if (value := row.get(key)) is None else value.toordinal()  # type: ignore[union-attr]
        case Kind.PERCENT:
            return lambda row: None if (value := row.get(key)) is None else value * PERCENT_SCALE  # type: ignore[operator]
    return lambda row: row.get(key)


_PER_MINOR: list[int] = [AMOUNT_SCALE // 10**places for places in range(5)]


def _amount_reader(column: Amount) -> Reader:
    key, currency, own = column.money.key, column.currency, OWN_CURRENCY.key

    def read(row: Row) -> int | None:
        money = row.get(key)
        if not isinstance(money, Money) or money.currency != (currency or row.get(own)):
            return None
        return money.minor * _PER_MINOR[exponent(money.currency)]

    return read


Guard = tuple[Pattern, ValueSet] | Form


def _guards(conjunct: BoundConjunct) -> tuple[Guard, ...]:
    patterns = [(column, values) for column, values in conjunct.sets.items() if isinstance(column, Pattern)]
    return (*patterns, *conjunct.rest)


class _Answers:
    """What one row says to the guards; each distinct question is asked once."""

    def __init__(self, leaves: Mapping[Leaf, Bound], row: Row, today: dt.date) -> None:
        self._leaves = leaves
        self._row = row
        self._today = today
        self._patterns: dict[Pattern, bool | None] = {}
        self._forms: dict[Form, bool] = {}

    def guard(self, guard: Guard) -> bool:
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
