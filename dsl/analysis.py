"""The quick analysis: can a condition ever be true?

The condition becomes a disjunction of conjunctions of tests (up to a bound; beyond it the answer is undecided). In
each conjunction the tests of one term meet: as intervals where values have an order, as what is left of the values
that a choice has, as members that a set must and must not have, and as presence. A conjunction in which some term has
nothing left never holds; a condition whose every conjunction is such can never be true. What the analysis does not
understand it takes as possible, so "never" is proven and everything else is not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dsl.datatypes import Kind
from dsl.operators import OPERATORS
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Not, Relation, SegmentUse, Term, Test
from dsl.typed import kind as kind_of

MOST_CONJUNCTIONS = 256

Conjunction = tuple[Test, ...]


def contradiction(condition: Condition, choices: Mapping[Kind, Collection[str]]) -> Conjunction | None:
    """Tests that cannot hold together, if the condition can never be true; None if it can, or may.

    `choices` are the values of plans and add-ons. Of several alternatives the first one's contradiction is told.
    """
    alternatives = _alternatives(condition, negated=False)
    if alternatives is None:
        return None
    found = [_clash(conjunction, choices) for conjunction in alternatives]
    return found[0] if found and all(clash is not None for clash in found) else None


# --- normal form ------------------------------------------------------------------------------------------------------


def _alternatives(condition: Condition, *, negated: bool) -> list[Conjunction] | None:
    """The conjunctions of which one must hold; None if there are too many."""
    match condition:
        case Test():
            return [(_negated(condition) if negated else condition,)]
        case Relation():
            return [()]
        case Not(item):
            return _alternatives(item, negated=not negated)
        case SegmentUse(_, inner):
            return _alternatives(inner, negated=negated)
        case All(items) | AnyOf(items):
            parts = [_alternatives(item, negated=negated) for item in items]
            known = [part for part in parts if part is not None]
            if isinstance(condition, All) == negated:
                return _either(known) if len(known) == len(parts) else None
            return _both(known)


def _negated(test: Test) -> Test:
    return Test(OPERATORS[test.operator].negation, test.term, test.operands, test.text, test.span)


def _either(parts: list[list[Conjunction]]) -> list[Conjunction] | None:
    together = [conjunction for part in parts for conjunction in part]
    return together if len(together) <= MOST_CONJUNCTIONS else None


def _both(parts: list[list[Conjunction]]) -> list[Conjunction]:
    """Every way to take one of each part. A part that would make too many is left out: fewer tests, fewer clashes."""
    made: list[Conjunction] = [()]
    for part in parts:
        if len(made) * len(part) <= MOST_CONJUNCTIONS:
            made = [left + right for left in made for right in part]
    return made


# --- contradictions ---------------------------------------------------------------------------------------------------


def _clash(conjunction: Conjunction, choices: Mapping[Kind, Collection[str]]) -> Conjunction | None:
    """The tests of one term that nothing satisfies together."""
    for tests in _by(conjunction, _key):
        if (clash := _presence(tests)) is not None:
            return clash
        if (clash := _currencies(tests)) is not None:
            return clash
    for tests in _by(conjunction, lambda test: test.term):
        absent = any(test.operator == "is_missing" for test in tests)  # nothing to satisfy; _presence has looked
        if not absent and not _possible(tests[0].term, tests, choices):
            return _fewest(tests, choices)
    return None


def _by(conjunction: Conjunction, key: Callable[[Test], Hashable]) -> Iterator[Conjunction]:
    groups: dict[Hashable, list[Test]] = {}
    for test in conjunction:
        groups.setdefault(key(test), []).append(test)
    return map(tuple, groups.values())


def _key(test: Test) -> Hashable:
    """The stored value that a test needs, or what it computes."""
    match test.term:
        case Elapsed(start):
            return start
        case Amount(money):
            return money
    return test.term


def _presence(tests: Conjunction) -> Conjunction | None:
    """A missing value beside a test that needs it. An elapsed time may be missing while its date, in the future, is
    known, so its own `is missing` says nothing about the date."""
    for absent in tests:
        if absent.operator == "is_missing":
            for other in tests:
                same = other.term == absent.term or not isinstance(absent.term, Elapsed)
                if other.operator != "is_missing" and same:
                    return absent, other
    return None


def _currencies(tests: Conjunction) -> Conjunction | None:
    """An amount that must be in two currencies."""
    named = [test for test in tests if isinstance(test.term, Amount) and test.term.currency is not None]
    for test in named[1:]:
        if test.term != named[0].term:
            return named[0], test
    return None


def _fewest(tests: Conjunction, choices: Mapping[Kind, Collection[str]]) -> Conjunction:
    """The tests less those that are not needed for the contradiction."""
    needed = list(tests)
    for test in tests:
        rest = tuple(one for one in needed if one is not test)
        if rest and not _possible(test.term, rest, choices):
            needed = list(rest)
    return tuple(needed)


def _possible(term: Term, tests: Conjunction, choices: Mapping[Kind, Collection[str]]) -> bool:
    kind = kind_of(term)
    match kind:
        case Kind.FLAG:
            return len({test.operator for test in tests} & {"is_true", "is_false"}) < 2
        case Kind.SET:
            has = {test.operands for test in tests if test.operator == "includes"}
            return has.isdisjoint(test.operands for test in tests if test.operator == "not_includes")
        case Kind.ENUM if isinstance(term, Attribute):
            return _some_value(tests, term.type.values)
        case Kind.PLAN | Kind.ADDON:
            return _some_value(tests, choices[kind])
        case Kind.TEXT:
            return _some_text(tests)
    return _interval(kind, tests)


# --- values and intervals ---------------------------------------------------------------------------------------------

_NO_DAY = dt.date(2000, 1, 1)
"""For operators whose meaning does not ask for the day."""


def _some_value(tests: Conjunction, values: Collection[str]) -> bool:
    return any(all(OPERATORS[one.operator].meaning(value, one.operands, _NO_DAY) for one in tests) for value in values)


def _some_text(tests: Conjunction) -> bool:
    """Texts are endless: only where some test lists them can they all be tried."""
    listing = next((test for test in tests if test.operator in ("equal", "in")), None)
    return listing is None or _some_value(tests, [str(value) for value in listing.operands])


@dataclass(slots=True)
class _Interval:
    """What is left of an ordered type. None is no bound; `open` ends are not in it."""

    low: Any = None
    high: Any = None
    low_open: bool = False
    high_open: bool = False

    def at_least(self, value: Any, *, is_open: bool) -> None:
        if self.low is None or value > self.low or (value == self.low and is_open):
            self.low, self.low_open = value, is_open

    def at_most(self, value: Any, *, is_open: bool) -> None:
        if self.high is None or value < self.high or (value == self.high and is_open):
            self.high, self.high_open = value, is_open

    def holds(self, value: Any) -> bool:
        above = self.low is None or value > self.low or (value == self.low and not self.low_open)
        return above and (self.high is None or value < self.high or (value == self.high and not self.high_open))

    def is_empty(self, step: Any) -> bool:
        """Whether nothing is in it. `step` is the distance of neighbours (whole numbers, dates), None if none have."""
        if self.low is None or self.high is None:
            return False
        if step is None:
            return bool(self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)))
        low = self.low + step if self.low_open else self.low
        return bool(low > (self.high - step if self.high_open else self.high))


def _interval(kind: Kind, tests: Conjunction) -> bool:
    """Whether some value of an ordered type passes; an elapsed time is never negative."""
    interval = _Interval(low=0) if kind is Kind.ELAPSED else _Interval()
    for test in tests:
        _narrow(interval, test)
    listing = next((test for test in tests if test.operator == "in"), None)
    if listing is not None:
        return any(interval.holds(value) and all(_passes(test, value) for test in tests) for value in listing.operands)
    if interval.low is not None and interval.low == interval.high and not interval.is_empty(None):
        return all(_passes(test, interval.low) for test in tests)
    step = {Kind.COUNT: 1, Kind.ELAPSED: 1, Kind.DATE: dt.timedelta(days=1)}.get(kind)
    return not interval.is_empty(step)


def _narrow(interval: _Interval, test: Test) -> None:
    match test.operator, test.operands:
        case "equal", (value,):
            interval.at_least(value, is_open=False)
            interval.at_most(value, is_open=False)
        case "greater" | "greater_or_equal", (value,):
            interval.at_least(value, is_open=test.operator == "greater")
        case "less" | "less_or_equal", (value,):
            interval.at_most(value, is_open=test.operator == "less")
        case "between", (low, high):
            interval.at_least(low, is_open=False)
            interval.at_most(high, is_open=False)


def _passes(test: Test, value: Any) -> bool:
    """Tests that ask for the day are taken as possible."""
    if "within" in test.operator or test.operator in ("is_known", "is_missing"):
        return True
    return OPERATORS[test.operator].meaning(value, test.operands, _NO_DAY)
