"""The normal form of a condition: alternatives of leaves that must all hold, without `not`.

Segments are unfolded. `not` is pushed to the tests, each of which names its negation; a missing value passes neither,
so from here on two-valued logic is exact (design decision 2). A clause that computes (arithmetic, two terms side by
side) stays whole and is asked whether it is true, or whether it is false. Tests of one term side by side under `or`
become one leaf, if they are sets of values: `plan = a or plan = b` and `plan in (a, b)` are the same. Then `and` is
multiplied out over `or`, to at most MOST_CONJUNCTS alternatives a rule; a part that would give more stays whole as a
`rest`, evaluated as it stands on the rows that its neighbours let through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsl.operators import OPERATORS
from dsl.typed import All, AnyOf, Arithmetic, Condition, Constant, Not, Relation, SegmentUse, Test
from engine.matching.leaves import Asked, Atom, Leaf, is_set_of_values

MOST_CONJUNCTS = 32
"""The most alternatives that one condition is multiplied out to."""


@dataclass(frozen=True, slots=True)
class Both:
    """True where every item is."""

    items: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where any item is."""

    items: tuple[Form, ...]


Form = Leaf | Both | Either


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One alternative: true where all leaves are, and all of the rest."""

    leaves: frozenset[Leaf] = frozenset()
    rest: tuple[Form, ...] = ()

    def __and__(self, other: Conjunct) -> Conjunct:
        return Conjunct(self.leaves | other.leaves, tuple(dict.fromkeys(self.rest + other.rest)))


def normalise(condition: Condition) -> tuple[Conjunct, ...]:
    """The alternatives of a condition; none where it can never hold."""
    return _conjuncts(push_not(condition))


def push_not(condition: Condition, *, positive: bool = True) -> Form:
    """The condition (or its negation) as a tree of leaves without `not`."""
    match condition:
        case Test(operator, term, operands) if not isinstance(term, Arithmetic | Constant):
            name = operator if positive else OPERATORS[operator].negation
            return Leaf(term, frozenset([Atom(name, operands)]))
        case Test() | Relation():
            return Leaf(condition, frozenset([Atom("is_true" if positive else "is_false")]))
        case Not(item):
            return push_not(item, positive=not positive)
        case SegmentUse(condition=named):
            return push_not(named, positive=positive)
        case All(items) | AnyOf(items):
            forms = [push_not(item, positive=positive) for item in items]
            return _both(forms) if isinstance(condition, All) == positive else _either(forms)


def _both(forms: Iterable[Form]) -> Form:
    items = dict.fromkeys(part for form in forms for part in (form.items if isinstance(form, Both) else (form,)))
    return Both(tuple(items)) if len(items) != 1 else next(iter(items))


def _either(forms: Iterable[Form]) -> Form:
    parts = [part for form in forms for part in (form.items if isinstance(form, Either) else (form,))]
    items = dict.fromkeys(_merge_leaves(parts))
    return Either(tuple(items)) if len(items) != 1 else next(iter(items))


def _merge_leaves(forms: Sequence[Form]) -> list[Form]:
    """Leaves that are sets of one term's values become one, at the place of the first."""
    merged: dict[Asked | Form, Form] = {}
    for form in forms:
        if isinstance(form, Leaf) and all(is_set_of_values(form.term, atom.operator) for atom in form.atoms):
            first = merged.get(form.term)
            atoms = form.atoms | first.atoms if isinstance(first, Leaf) else form.atoms
            merged[form.term] = Leaf(form.term, atoms)
        else:
            merged[form] = form
    return list(merged.values())


def _conjuncts(form: Form) -> tuple[Conjunct, ...]:
    match form:
        case Leaf():
            return (Conjunct(frozenset([form])),)
        case Either(items):
            found = tuple(dict.fromkeys(conjunct for item in items for conjunct in _conjuncts(item)))
            return found if len(found) <= MOST_CONJUNCTS else (Conjunct(rest=(form,)),)
        case Both(items):
            return _multiply(items)


def _multiply(items: tuple[Form, ...]) -> tuple[Conjunct, ...]:
    """Every choice of one alternative an item, the items with fewest first; those that make too many stay whole."""
    product: tuple[Conjunct, ...] = (Conjunct(),)
    for item, alternatives in sorted(((item, _conjuncts(item)) for item in items), key=lambda pair: len(pair[1])):
        if len(product) * len(alternatives) <= MOST_CONJUNCTS:
            product = tuple(one & other for one in product for other in alternatives)
        else:
            product = tuple(one & Conjunct(rest=(item,)) for one in product)
    return tuple(dict.fromkeys(product))
