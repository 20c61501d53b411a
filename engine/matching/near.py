"""Near misses: rules that do not match because of one thing alone, and what that would have to be.

The index finds them in one look at each column, whatever the number of rules (`EventIndex.missed_by_one`). "One thing"
is one value of the row: a condition that asks twice of it (`seats > 3 and seats < 9`) is kept from holding by one
thing, and a value that no condition could want (`plan = a and plan = b`) is no miss but an impossible rule.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dsl.datatypes import Kind, Unit
from dsl.operators import months_from
from dsl.typed import All, AnyOf, Attribute, Condition, Elapsed, Not, Relation, SinceLast, Test
from engine.matching.answers import Answers
from engine.matching.bound import BoundConjunct
from engine.matching.columns import Column, Element, Pattern, is_ordered, kind_of
from engine.matching.computed import MICROSECOND
from engine.matching.index import EventIndex, Stood
from engine.matching.keys import key_of, written
from engine.matching.leaves import Leaf, bind
from engine.matching.normal_form import Both, Form
from engine.matching.reading import reader
from engine.matching.terms import Row
from engine.matching.values import ValueSet

LONGEST_WAIT = 366
"""Days looked ahead."""

A_DAY = dt.timedelta(days=1) // MICROSECOND

A_YEAR = 365.0
"""Days by which a date is half off."""

WAITS, DIFFERS, IS_ANOTHER, IS_MISSING = range(4)
"""How near: time alone brings it; by how much a number or a date is off; another choice; nothing is known."""

Nearness = tuple[int, float]
"""One of the above and, where there is one, the distance: days, or the share by which the value is off (up to 1)."""


@dataclass(frozen=True, slots=True)
class Way:
    """How rule number `rule` would match: if `wanted` were true, all else as it is.

    `starts` is the first day (of a year) on which time alone makes the clauses true that hang on it.
    """

    rule: int
    wanted: Condition
    nearness: Nearness
    starts: dt.date | None = None


def ways(index: EventIndex, row: Row, today: dt.date, among: int | None = None) -> list[Way]:
    """Every way of one thing, nearest first, then by rule; a rule may have several, and none if it matches.

    Conjuncts that are not `among` those said are left alone.
    """
    answers = index.answers(row)
    found = (_way(one, stood, answers, row, today) for one, stood in index.missed_by_one(row, among))
    return sorted(dict.fromkeys(found), key=lambda way: (way.nearness, way.rule, written(way.wanted)))


def _way(conjunct: BoundConjunct, stood: Stood, answers: Answers, row: Row, today: dt.date) -> Way:
    if not isinstance(stood, tuple):
        return Way(conjunct.rule, condition_of(stood), (IS_ANOTHER, 0.0))
    column, values = stood
    mine = [leaf for leaf in conjunct.leaves if answers.bound(leaf).column == column]
    failing = [leaf for leaf in mine if not answers.leaf(leaf)] or mine
    wanted = _all_of([condition_of(leaf) for leaf in sorted(failing, key=written)])
    starts = first_day(conjunct.leaves, row, today) if all(map(_hangs_on_time, failing)) else None
    nearness = (WAITS, float((starts - today).days)) if starts else _distance(column, values, answers.value(column))
    return Way(conjunct.rule, wanted, nearness, starts)


def _all_of(some: list[Condition]) -> Condition:
    return some[0] if len(some) == 1 else All(tuple(some))


# --- what would have to be -------------------------------------------------------------------------------------------


def condition_of(form: Form) -> Condition:
    """The normal form's tree, or a leaf of it, as a condition again."""
    if isinstance(form, Leaf):
        return _condition_of_leaf(form)
    items = tuple(condition_of(item) for item in form.items)
    return All(items) if isinstance(form, Both) else AnyOf(items)


def _condition_of_leaf(leaf: Leaf) -> Condition:
    if isinstance(leaf.term, Test | Relation):
        either = [leaf.term if atom.operator == "is_true" else Not(leaf.term) for atom in leaf.atoms]
        return either[0] if len(either) == 1 else AnyOf(tuple(sorted(either, key=written)))
    tests = [Test(atom.operator, leaf.term, atom.operands) for atom in sorted(leaf.atoms, key=written)]
    return tests[0] if len(tests) == 1 else AnyOf(tuple(tests))


# --- how near it is --------------------------------------------------------------------------------------------------


def _distance(column: Column, values: ValueSet, value: Any) -> Nearness:
    if value is None and not isinstance(column, Pattern | Test | Relation):
        return IS_MISSING, 0.0
    if isinstance(column, Element | Pattern | Test | Relation) or not is_ordered(column):
        return IS_ANOTHER, 0.0
    above = [point for point in values.toggles if point > value and values.has_ordered(point)]
    below = [point for point in values.toggles if point <= value and not values.has_ordered(point)]
    gaps = [abs(float(point) - float(value)) for point in (*above[:1], *below[-1:])]
    if not gaps:
        return IS_ANOTHER, 0.0
    scale = A_YEAR if kind_of(column) is Kind.DATE else abs(float(value))
    return DIFFERS, min(_share(gap, scale) for gap in gaps)


def _share(gap: float, scale: float) -> float:
    if not gap:
        return 0.0  # the very value that is just too much
    return 1.0 if math.isinf(gap) else gap / (gap + scale)


# --- from when -------------------------------------------------------------------------------------------------------


def _hangs_on_time(leaf: Leaf) -> bool:
    """Whether the leaf's truth changes with the day alone."""
    if isinstance(leaf.term, Attribute) and leaf.term.type.kind is Kind.DATE:
        return all("within" in atom.operator for atom in leaf.atoms)
    return isinstance(leaf.term, Elapsed | SinceLast)


def first_day(leaves: Iterable[Leaf], row: Row, today: dt.date) -> dt.date | None:
    """The first later day, of a year, on which all the leaves that hang on time pass, all else as it is."""
    timed = [leaf for leaf in leaves if _hangs_on_time(leaf)]
    days = {day for leaf in timed for day in _turns(leaf, row, today)}
    for day in sorted(days):
        wait = (day - today).days
        if 0 < wait <= LONGEST_WAIT and all(_passes(leaf, row, day, wait) for leaf in timed):
            return day
    return None


def _passes(leaf: Leaf, row: Row, day: dt.date, wait: int) -> bool:
    bound = bind(leaf, day)
    value = reader(bound.column)(row)
    if isinstance(bound.column, SinceLast) and value is not None:
        value += wait * A_DAY
    return bound.values.has_ordered(value)


def _turns(leaf: Leaf, row: Row, today: dt.date) -> Iterator[dt.date]:
    """The days on which the leaf may begin to pass: where time comes to one of its operands or goes beyond it."""
    term = leaf.term
    key = key_of(term.start if isinstance(term, Elapsed) else term)  # type: ignore[arg-type]
    value: Any = row.get(key)
    if value is None:
        return
    counts = [operand for atom in leaf.atoms for operand in atom.operands if isinstance(operand, int)]
    if isinstance(term, SinceLast):
        waits = (-((value - count) // A_DAY) for count in counts)
        yield from _shifted(today, (wait + more for wait in waits for more in (0, 1)))
    elif isinstance(term, Elapsed) and term.unit is Unit.DAYS:
        yield from _shifted(value, (0, *(count + more for count in counts for more in (0, 1))))
    else:
        yield from _shifted(
            value, (0, 1, *(way * count + more for count in counts for way in (-1, 1) for more in (0, 1)))
        )
        for count in counts:
            for ahead in (-count, count, count + 1):
                yield from _shifted(months_from(value, ahead), range(MOST_CLAMPED + 1))


MOST_CLAMPED = 4
"""Days by which months that are counted back from a day differ from those counted up to it, and one more."""


def _shifted(day: dt.date, some: Iterable[int]) -> Iterator[dt.date]:
    """That many days later, where the calendar has them."""
    for days in some:
        if 1 <= day.toordinal() + days <= dt.date.max.toordinal():
            yield dt.date.fromordinal(day.toordinal() + days)
