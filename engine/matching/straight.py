"""The event form of few rules: one Python function, written for them and compiled.

A few rules are told apart by a few comparisons, which take less than looking masks up. Each alternative of a rule hangs
on the column, of those that it asks, that singles out most, together with the alternatives that ask the same column;
inside the branch that a value opens, what is left hangs on the next. (Such "access predicates" are from Fabret et al.,
"Filtering algorithms and implementation for very fast publish/subscribe systems", SIGMOD 2001.) So a value is read
where a row comes to it, the most telling first, and what no branch leads to is never asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsl.typed import Amount
from engine.matching.answers import Guard, Question, guards_of
from engine.matching.bound import BoundConjunct
from engine.matching.columns import Column, is_ordered
from engine.matching.guards import Guards
from engine.matching.spelling import Spelling, is_named, is_plain, key_of_column
from engine.matching.terms import Row
from engine.matching.values import ValueSet

FEW_VALUES = 4
"""Sets of so many named values are told apart value by value where a function begins."""

Match = Callable[[Row], list[int]]


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to be asked of an alternative of rule number `rule`."""

    rule: int
    sets: Mapping[Column, ValueSet]
    guards: tuple[Guard, ...]

    def without(self, column: Column) -> Left:
        return replace(self, sets={one: values for one, values in self.sets.items() if one != column})


def straight(conjuncts: Sequence[BoundConjunct], guards: Guards) -> Match:
    """A function that finds the numbers of the rules that a row matches, ascending."""
    writer = _Writer(guards)
    source = "\n".join(writer.function([_left(one) for one in conjuncts]))
    exec(compile(source, "<rules>", "exec"), writer.spelling.names)
    match: Match = writer.spelling.names["match"]
    return match


def _left(conjunct: BoundConjunct) -> Left:
    sets: dict[Column, ValueSet] = {c: values for c, values in conjunct.sets.items() if not isinstance(c, Question)}
    return Left(conjunct.rule, sets, guards_of(conjunct))


class _Writer:
    """Writes the function, line by line."""

    def __init__(self, guards: Guards) -> None:
        self.spelling = Spelling()
        self._guards = guards

    def function(self, left: Sequence[Left]) -> Iterator[str]:
        yield from ("def match(row):", " get = row.get", " found = []")
        if any(one.guards for one in left):
            yield " answers = {}"
        yield from self._block(left, frozenset(), " ")
        several = len({one.rule for one in left}) < len(left)
        yield from (
            " if len(found) > 1:",
            "  return sorted({*found})" if several else "  found.sort()",
            " return found",
        )

    def _block(self, left: Sequence[Left], read: frozenset[str], indent: str) -> Iterator[str]:
        """Asks what is left; the variables `read` hold what is under their keys."""
        for one in left:
            if not one.sets:
                yield from self._end(one, indent)
        rest = [one for one in left if one.sets]
        while rest:
            column = _most_telling(rest)
            variable = self.spelling.variable(column)
            if variable not in read:
                yield f"{indent}{variable} = get({key_of_column(column)!r})"
                read |= {variable}
            by_set: dict[ValueSet, list[Left]] = defaultdict(list)
            for one in rest:
                if column in one.sets:
                    by_set[one.sets[column]].append(one.without(column))
            yield from self._chain(column, by_set, read, indent)
            yield from self._branches(column, by_set, read, indent)
            rest = [one for one in rest if column not in one.sets]

    def _chain(
        self, column: Column, by_set: dict[ValueSet, list[Left]], read: frozenset[str], indent: str
    ) -> Iterator[str]:
        """Takes the sets of a few named values out of `by_set`: a row has one of them at most."""
        most = FEW_VALUES if indent == " " else 1
        by_value: dict[Any, list[Left]] = defaultdict(list)
        for values in list(by_set) if is_named(column) else []:
            if not values.inside and not values.missing and len(values.toggles) <= most:
                some = by_set.pop(values)
                for value in values.toggles:
                    by_value[value] += some
        for number, (value, some) in enumerate(by_value.items()):
            yield f"{indent}{'elif' if number else 'if'} {self.spelling.is_value(column, value)}:"
            yield from self._block(some, read, indent + " ")

    def _branches(
        self, column: Column, by_set: Mapping[ValueSet, Sequence[Left]], read: frozenset[str], indent: str
    ) -> Iterator[str]:
        """A branch a set, one after the other."""
        reading = self.spelling.reading(column)
        yield from (indent + line for line in (reading.before if by_set else ()))
        for values, some in by_set.items():
            if values.missing:
                yield f"{indent}if not ({reading.is_known}):"
                yield from self._block(some, read, indent + " ")
        tests = [(test, some) for values, some in by_set.items() if (test := self.spelling.test(column, values))]
        if tests:
            yield f"{indent}if {reading.is_known}:"
            yield from (f"{indent} {line}" for line in reading.counted)
        for test, some in tests:
            yield f"{indent} if {test}:"
            yield from self._block(some, read, indent + "  ")

    def _end(self, one: Left, indent: str) -> Iterator[str]:
        """Puts the questions that are left, and notes the rule."""
        asks = [f"{self.spelling.name(self._guards.passing(guard), 'ask_')}(row, answers)" for guard in one.guards]
        if asks:
            yield f"{indent}if {' and '.join(asks)}:"
        yield f"{indent}{' ' * bool(asks)}found.append({one.rule})"


# --- the order of columns --------------------------------------------------------------------------------------------


def _most_telling(left: Sequence[Left]) -> Column:
    """The column that is likely to be done with most alternatives, for what it takes to read it."""
    ruled_out: dict[Column, float] = defaultdict(float)
    for one in left:
        for column, values in one.sets.items():
            ruled_out[column] += (1 - _share(column, values)) / _cost(column)
    return max(ruled_out, key=ruled_out.__getitem__)


def _share(column: Column, values: ValueSet) -> float:
    """A guess of the share of rows whose value is in a set."""
    if not values.toggles:
        return 0.9 if values.inside else 0.1
    if is_ordered(column):
        share = 0.2 if len(values.toggles) % 2 == 0 else 0.5
    elif isinstance(values.toggles[0], bool):
        share = 0.5
    else:
        share = min(0.15 * len(values.toggles), 0.5)
    return 0.9 - share if values.inside else share


def _cost(column: Column) -> float:
    """What it takes to read a column, in dictionary look-ups."""
    if isinstance(column, Amount):
        return 3.0
    return 1.0 if is_plain(column) else 2.0
