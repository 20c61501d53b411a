"""A day's rules as numbered rows of bits: everything that they ask, each distinct thing once.

A row has a bit for each row of a batch's block. Row EVERY holds all of them, row NONE none; then come the *basis* rows,
column by column (`column_rows`), and the sets of values that are more than one basis row: the XOR of those at their
toggles. What is combined is listed level by level, so that a level is one operation on many rows: level k holds the
k-th member of everything that has that many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.matching.bound import BoundConjunct, BoundRules, leaves_of
from engine.matching.column_rows import EVERY, ColumnRows, column_rows
from engine.matching.columns import Clause, Column, Pattern
from engine.matching.leaves import Leaf
from engine.matching.normal_form import Form
from engine.matching.values import ValueSet

NONE = 1

Question = Pattern | Clause
"""A column whose value costs something to find: asked only of rows that stand in all else of a conjunct."""

Numbers = npt.NDArray[np.int64]

Pair = tuple[Column, ValueSet]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question; its `askers` are conjuncts, of which the `wanting` want row `wanted` of its answers to hold.

    `sets` are rows to be made again once it is answered, each with its basis rows.
    """

    rows: ColumnRows
    askers: Numbers
    wanting: Numbers
    wanted: Numbers
    sets: Sequence[tuple[int, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Program:
    """The numbered rows of one day's rules, of which there are `size`; conjuncts have numbers of their own.

    `columns` are read from the batch, the questions `asked` in this order. Rows from `first_set` on are XORs by the
    levels of `xors`. Conjuncts are ANDs by the levels of `ands`, then of what they want of questions, then of the forms
    that `rests` gives them, whose leaves are the rows `leaves`. A rule that can hold is one of `rules`: that at place i
    is conjunct `heads[i]` or any of those that `more` pairs with i.
    """

    size: int
    columns: Sequence[ColumnRows]
    asked: Sequence[Asked]
    first_set: int
    xors: Sequence[Numbers]
    ands: Sequence[Numbers]
    rests: Mapping[Form, Sequence[int]]
    leaves: Mapping[Leaf, int]
    rules: npt.NDArray[np.int32]
    heads: Numbers
    more: Sequence[tuple[int, int]]


def compile_program(rules: BoundRules) -> Program:
    """Numbers everything that the rules ask, each distinct thing once."""
    leaves = {
        leaf: (rules.leaves[leaf].column, rules.leaves[leaf].values)
        for leaf in dict.fromkeys(leaf for one in rules.conjuncts for leaf in leaves_of(one.rest))
    }
    pairs = dict.fromkeys(pair for one in rules.conjuncts for pair in one.sets.items()) | dict.fromkeys(leaves.values())
    columns = column_rows(pairs, first=2)
    parts = {pair: columns[pair[0]].parts(pair[1]) for pair in pairs}
    first_set = 2 + sum(rows.height for rows in columns.values())
    made = sorted((pair for pair, rows in parts.items() if len(rows) > 1), key=lambda pair: -len(parts[pair]))
    row_of = {pair: rows[0] if rows else NONE for pair, rows in parts.items()}
    row_of |= {pair: first_set + at for at, pair in enumerate(made)}
    conjuncts = sorted(rules.conjuncts, key=lambda one: -len(_read(one)))
    heads, more = _rules(conjuncts)
    questions = [column for column in columns if isinstance(column, Question)]
    return Program(
        rules.size,
        [rows for column, rows in columns.items() if not isinstance(column, Question)],
        [_asked(columns[question], conjuncts, leaves, row_of, parts) for question in sorted(questions, key=_cost)],
        first_set,
        _levels([parts[pair] for pair in made]),
        _levels([[row_of[pair] for pair in _read(one)] or [EVERY] for one in conjuncts]),
        _rests(conjuncts),
        {leaf: row_of[pair] for leaf, pair in leaves.items()},
        np.array(list(heads), np.int32),
        np.array(list(heads.values()), np.int64),
        more,
    )


def _read(conjunct: BoundConjunct) -> list[Pair]:
    """The sets of columns that are read, not asked."""
    return [pair for pair in conjunct.sets.items() if not isinstance(pair[0], Question)]


def _cost(question: Question) -> bool:
    """Patterns come first: they cost less than clauses that compute."""
    return not isinstance(question, Pattern)


def _levels(lists: Sequence[Sequence[int]]) -> list[Numbers]:
    """The k-th of each list that has so many, for every k; the longest lists come first."""
    longest = len(lists[0]) if lists else 0
    return [np.array([some[level] for some in lists if len(some) > level], np.int64) for level in range(longest)]


def _asked(
    rows: ColumnRows,
    conjuncts: Sequence[BoundConjunct],
    leaves: Mapping[Leaf, Pair],
    row_of: Mapping[Pair, int],
    parts: Mapping[Pair, Sequence[int]],
) -> Asked:
    column = rows.column
    wanting = {at: row_of[column, one.sets[column]] for at, one in enumerate(conjuncts) if column in one.sets}
    resting = {at for at, one in enumerate(conjuncts) if any(leaves[leaf][0] == column for leaf in leaves_of(one.rest))}
    sets = [(row_of[pair], parts[pair]) for pair in parts if pair[0] == column and len(parts[pair]) > 1]
    askers, numbers = np.array(sorted({*wanting, *resting})), np.array(list(wanting), np.int64)
    return Asked(rows, askers, numbers, np.array(list(wanting.values()), np.int64), sets)


def _rests(conjuncts: Iterable[BoundConjunct]) -> dict[Form, list[int]]:
    found: dict[Form, list[int]] = defaultdict(list)
    for at, one in enumerate(conjuncts):
        for form in one.rest:
            found[form].append(at)
    return found


def _rules(conjuncts: Iterable[BoundConjunct]) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """For each rule, ascending, its first conjunct; then (place among these rules, conjunct) of all others."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(conjuncts):
        found[one.rule].append(at)
    rules = sorted(found)
    more = [(place, at) for place, rule in enumerate(rules) for at in found[rule][1:]]
    return {rule: found[rule][0] for rule in rules}, more
