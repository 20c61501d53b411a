"""A day's rules as numbered bit rows: everything that they ask, each distinct thing once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.matching.bound import BoundConjunct, BoundRules, leaves_of
from engine.matching.columns import Clause, Column, is_ordered
from engine.matching.leaves import Leaf
from engine.matching.normal_form import Form
from engine.matching.values import Point, ValueSet

KNOWN, MISSING = -1, -2
"""Points of the basis rows that every column has."""


@dataclass(frozen=True, slots=True)
class Program:
    """The numbered bit rows of one day's rules.

    `columns` have their points, sorted; a row of `basis` is (column number, point number, or known, or missing); a set
    is the basis rows to XOR; a conjunct is (rule, sets to AND, forms to evaluate as they stand on sets of `leaves`).
    `standing` are, for each column that is a clause, the conjuncts that ask it, each as its sets of other columns: only
    rows that are in all sets of one of them are ever asked.
    """

    size: int
    columns: Mapping[Column, Sequence[Point]]
    ordered: Sequence[bool]
    basis: Sequence[tuple[int, int]]
    sets: Sequence[Sequence[int]]
    conjuncts: Sequence[tuple[int, Sequence[int], tuple[Form, ...]]]
    leaves: Mapping[Leaf, int]
    standing: Mapping[int, Sequence[Sequence[int]]]


def compile_program(rules: BoundRules) -> Program:
    """Numbers everything that the rules ask, each distinct thing once."""
    rests = [(leaf, rules.leaves[leaf]) for one in rules.conjuncts for leaf in leaves_of(one.rest)]
    asked = dict.fromkeys(pair for one in rules.conjuncts for pair in one.sets.items())
    asked |= dict.fromkeys((bound.column, bound.values) for _, bound in rests)
    number = {pair: at for at, pair in enumerate(asked)}
    points: dict[Column, set[Point]] = defaultdict(set)
    for column, values in asked:
        points[column].update(values.toggles)
    columns = {column: sorted(some) for column, some in points.items()}
    place = {column: at for at, column in enumerate(columns)}
    point_number = {column: {point: at for at, point in enumerate(some)} for column, some in columns.items()}
    basis: dict[tuple[int, int], int] = {}
    sets = [
        [basis.setdefault((place[column], at), len(basis)) for at in _basis_points(point_number[column], values)]
        for column, values in asked
    ]
    conjuncts = [(one.rule, [number[pair] for pair in one.sets.items()], one.rest) for one in rules.conjuncts]
    leaves = {leaf: number[bound.column, bound.values] for leaf, bound in rests}
    ordered = [is_ordered(column) for column in columns]
    standing = {
        at: [
            [number[pair] for pair in one.sets.items() if not isinstance(pair[0], Clause)]
            for one in rules.conjuncts
            if column in _columns_of(one, rules)
        ]
        for column, at in place.items()
        if isinstance(column, Clause)
    }
    return Program(rules.size, columns, ordered, tuple(basis), sets, conjuncts, leaves, standing)


def _columns_of(conjunct: BoundConjunct, rules: BoundRules) -> set[Column]:
    return {*conjunct.sets, *(rules.leaves[leaf].column for leaf in leaves_of(conjunct.rest))}


def _basis_points(numbers: Mapping[Point, int], values: ValueSet) -> list[int]:
    found = [numbers[point] for point in values.toggles]
    return found + [KNOWN] * values.inside + [MISSING] * values.missing
