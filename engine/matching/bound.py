"""The rules of one moment on one local date: every rule's alternatives as sets of values by column.

Conjuncts are numbered in the order of their rules. Two leaves of a conjunct on one column become one set, so that for
each column the conjuncts fall apart by the set they want of it; a conjunct that wants the impossible is dropped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.matching.columns import Column, is_ordered
from engine.matching.leaves import Bound, Leaf, bind
from engine.matching.normal_form import Conjunct, Form
from engine.matching.values import ValueSet, intersection


@dataclass(frozen=True, slots=True)
class BoundConjunct:
    """One alternative of rule number `rule`: each column's value is in its set, and every form of `rest` is true.

    `leaves` are those that the sets were made of.
    """

    rule: int
    sets: Mapping[Column, ValueSet]
    rest: tuple[Form, ...]
    leaves: frozenset[Leaf] = frozenset()


@dataclass(frozen=True, slots=True)
class BoundRules:
    """`leaves` says what each leaf of a `rest` is on this day. `size` counts the rules."""

    size: int
    conjuncts: tuple[BoundConjunct, ...]
    leaves: Mapping[Leaf, Bound]


def bind_rules(alternatives: Sequence[Sequence[Conjunct]], today: dt.date) -> BoundRules:
    """Binds each rule's alternatives to local date `today`; equal leaves are bound once."""
    conjuncts = [(rule, one) for rule, some in enumerate(alternatives) for one in some]
    used = {leaf for _, one in conjuncts for leaf in (*one.leaves, *leaves_of(one.rest))}
    bound = {leaf: bind(leaf, today) for leaf in used}
    found = (_bind(rule, one, bound) for rule, one in conjuncts)
    return BoundRules(len(alternatives), tuple(one for one in found if one is not None), bound)


def _bind(rule: int, conjunct: Conjunct, bound: Mapping[Leaf, Bound]) -> BoundConjunct | None:
    sets: dict[Column, ValueSet] = {}
    for leaf in conjunct.leaves:
        column, values = bound[leaf].column, bound[leaf].values
        known = sets.get(column)
        sets[column] = values if known is None else intersection(known, values, ordered=is_ordered(column))
    if any(values.is_empty for values in sets.values()):
        return None
    wanted = {column: values for column, values in sets.items() if not values.is_everything}
    return BoundConjunct(rule, wanted, conjunct.rest, conjunct.leaves)


def leaves_of(forms: Iterable[Form]) -> list[Leaf]:
    """Every leaf of the trees."""
    found: list[Leaf] = []
    for form in forms:
        found += [form] if isinstance(form, Leaf) else leaves_of(form.items)
    return found
