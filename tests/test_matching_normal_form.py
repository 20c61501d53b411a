"""The normal form: what conditions become, and what leaves are on a given day."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from dsl import typed
from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Unit
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Not, SegmentUse, Term
from engine.matching.columns import AMOUNT_SCALE, PERCENT_SCALE, Element, Pattern
from engine.matching.leaves import Atom, Leaf, bind
from engine.matching.normal_form import MOST_CONJUNCTS, Conjunct, Either, normalise
from engine.matching.values import ValueSet, intersection, union


def attribute(name: str, kind: Kind) -> Attribute:
    return Attribute(Owner.SUBSCRIPTION, name, DataType(kind))


PLAN = attribute("plan", Kind.PLAN)
SEATS = attribute("seats", Kind.COUNT)
STARTED = attribute("started_on", Kind.DATE)
PAGE = attribute("page", Kind.TEXT)
DISCOUNT = attribute("discount", Kind.PERCENT)
ADDONS = attribute("addons", Kind.SET)
TENURE = Elapsed(STARTED, Unit.MONTHS)
TODAY = dt.date(2026, 3, 15)


def ask(operator: str, term: Term, *operands: Any) -> typed.Test:
    return typed.Test(operator, term, operands)


def leaf(operator: str, term: Term, *operands: Any) -> Leaf:
    return Leaf(term, frozenset([Atom(operator, operands)]))


A, B, C = ask("equal", PLAN, "a"), ask("greater", SEATS, 3), ask("like", PAGE, "/x*")
LA, LB, LC = leaf("equal", PLAN, "a"), leaf("greater", SEATS, 3), leaf("like", PAGE, "/x*")


@pytest.mark.parametrize(
    ("condition", "alternatives"),
    [
        (A, [{LA}]),
        (Not(A), [{leaf("not_equal", PLAN, "a")}]),
        (Not(Not(A)), [{LA}]),
        (All(()), [set()]),
        (AnyOf(()), []),
        (Not(All(())), []),
        (Not(AnyOf(())), [set()]),
        (All((A, B)), [{LA, LB}]),
        (AnyOf((A, B)), [{LA}, {LB}]),
        (Not(All((A, B))), [{leaf("not_equal", PLAN, "a")}, {leaf("less_or_equal", SEATS, 3)}]),
        (Not(AnyOf((A, C))), [{leaf("not_equal", PLAN, "a"), leaf("not_like", PAGE, "/x*")}]),
        (All((A, AnyOf((B, C)))), [{LA, LB}, {LA, LC}]),
        (All((A, All((A, B)))), [{LA, LB}]),
        (SegmentUse("s", AnyOf((A, B))), [{LA}, {LB}]),
        (Not(SegmentUse("s", Not(A))), [{LA}]),
        (All((A, AnyOf(()))), []),
    ],
)
def test_conditions_become_alternatives_without_not(condition: Condition, alternatives: list[set[Leaf]]) -> None:
    assert list(normalise(condition)) == [Conjunct(frozenset(leaves)) for leaves in alternatives]


def test_tests_of_one_term_side_by_side_are_one_leaf() -> None:
    either = AnyOf((A, B, ask("in", PLAN, "b", "c"), ask("is_missing", PLAN)))
    plan = Leaf(PLAN, frozenset([Atom("equal", ("a",)), Atom("in", ("b", "c")), Atom("is_missing")]))
    assert list(normalise(either)) == [Conjunct(frozenset([plan])), Conjunct(frozenset([LB]))]
    assert bind(plan, TODAY).values == ValueSet(inside=False, toggles=("a", "b", "c"), missing=True)


def test_patterns_and_elements_side_by_side_stay_apart() -> None:
    either = AnyOf((C, ask("contains", PAGE, "y"), ask("includes", ADDONS, "a"), ask("includes", ADDONS, "b")))
    assert len(normalise(either)) == 4


def test_a_condition_is_multiplied_out_to_a_bound_and_the_rest_stays_whole() -> None:
    pairs = [AnyOf((ask("equal", attribute(f"x{n}", Kind.TEXT), "v"), ask("greater", SEATS, n))) for n in range(10)]
    found = normalise(All((A, *pairs)))
    assert len(found) == MOST_CONJUNCTS == 32
    assert all(LA in one.leaves and len(one.rest) == 5 for one in found)
    assert all(isinstance(form, Either) for one in found for form in one.rest)


def test_alternatives_over_the_bound_stay_whole() -> None:
    wide = AnyOf(tuple(ask("equal", attribute(f"x{n}", Kind.TEXT), "v") for n in range(MOST_CONJUNCTS + 1)))
    (only,) = normalise(wide)
    assert only.leaves == frozenset()
    assert len(only.rest) == 1


# --- leaves on a day -------------------------------------------------------------------------------------------------


def ordinals(*days: str) -> tuple[int, ...]:
    return tuple(dt.date.fromisoformat(day).toordinal() for day in days)


@pytest.mark.parametrize(
    ("asked", "inside", "toggles"),
    [
        # Thirteen full months on 15 March 2026 is started by 15 February 2025.
        (ask("greater", TENURE, 12), True, ordinals("2025-02-16")),
        (ask("less_or_equal", TENURE, 12), False, ordinals("2025-02-16", "2026-03-16")),
        (ask("equal", TENURE, 0), False, ordinals("2026-02-16", "2026-03-16")),
        (ask("greater_or_equal", TENURE, 0), True, ordinals("2026-03-16")),
        (ask("less", TENURE, 0), False, ()),
        (ask("greater", TENURE, 10**6), False, ()),
        (ask("is_known", TENURE), True, ordinals("2026-03-16")),
        (ask("between", Elapsed(STARTED, Unit.DAYS), 1, 2), False, ordinals("2026-03-13", "2026-03-15")),
        (ask("within_next", STARTED, 7), False, ordinals("2026-03-15", "2026-03-23")),
        (ask("within_last", STARTED, 0), False, ordinals("2026-03-15", "2026-03-16")),
        (ask("not_within_last", STARTED, 0), True, ordinals("2026-03-15", "2026-03-16")),
        (ask("greater", STARTED, TODAY), False, ordinals("2026-03-16")),
        (ask("in", SEATS, 3, 4, 9), False, (3, 5, 9, 10)),
        (ask("not_between", SEATS, 3, 4), True, (3, 5)),
        (ask("between", SEATS, 4, 3), False, ()),
        (ask("greater", attribute("n", Kind.NUMBER), 0.0), False, (5e-324,)),
        (ask("greater", Amount(attribute("m", Kind.MONEY), "EUR"), Decimal("0.5")), False, (AMOUNT_SCALE // 2 + 1,)),
        (ask("less", Amount(attribute("m", Kind.MONEY), None), Decimal("0.00005")), True, (1,)),
        (
            ask("equal", attribute("p", Kind.PERCENT), Decimal("20")),
            False,
            (20 * PERCENT_SCALE, 20 * PERCENT_SCALE + 1),
        ),
        (ask("equal", attribute("p", Kind.PERCENT), Decimal("0.0000005")), False, ()),
        (ask("not_in", PLAN, "b", "a", "b"), True, ("a", "b")),
        (ask("is_false", attribute("f", Kind.FLAG)), True, (True,)),
    ],
    ids=str,
)
def test_leaves_are_sets_of_values(asked: typed.Test, inside: bool, toggles: tuple[Any, ...]) -> None:
    bound = bind(leaf(asked.operator, asked.term, *asked.operands), TODAY)
    assert bound.values == ValueSet(inside, toggles)


def test_a_future_start_is_missing() -> None:
    bound = bind(leaf("is_missing", TENURE), TODAY)
    assert bound.column == STARTED
    assert bound.values.has_ordered(None)
    assert bound.values.has_ordered(dt.date(2026, 3, 16).toordinal())
    assert not bound.values.has_ordered(TODAY.toordinal())


def test_questions_about_a_value_are_columns_of_their_own() -> None:
    assert bind(leaf("not_includes", ADDONS, "a"), TODAY).column == Element(ADDONS, "a")
    assert bind(leaf("not_contains", PAGE, "x"), TODAY).column == Pattern(PAGE, "contains", ("x",))


def test_value_sets_are_combined_like_sets() -> None:
    numbers = [None, *range(8)]
    sets = [
        ValueSet(inside, toggles, missing)
        for inside in (False, True)
        for missing in (False, True)
        for toggles in ((), (2,), (3, 5), (2, 3, 5))
    ]
    for ordered in (True, False):
        for left in sets:
            for right in sets:
                both = intersection(left, right, ordered=ordered)
                either = union(left, right, ordered=ordered)
                for number in numbers:
                    a, b, c, d = (
                        one.has_ordered(number) if ordered else one.has_named(number)
                        for one in (left, right, both, either)
                    )
                    assert (c, d) == (a and b, a or b)
