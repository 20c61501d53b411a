"""The quick analysis never says too much: what it proves holds of every row, what it shows is so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.datatypes import DataType, Kind
from dsl.lint.answers import Answer, always, can_meet, included, never, shown_by
from dsl.lint.boxes import boxes_of
from dsl.lint.examples import TODAY
from dsl.lint.index import Index, numbers
from dsl.typed import All, Amount, AnyOf, Arithmetic, Condition, Constant, Not, Relation, Term
from dsl.typed import Test as Leaf
from engine.matching.interpreter import holds
from tests.strategies import ATTRIBUTES, DAYS, conditions, make_rows

CHOICES = {Kind.PLAN: ("basic", "premium", "Fiber optic", "NO", ""), Kind.ADDON: ()}
ROWS = 60
some = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw: st.DrawFn, count: int) -> tuple[list[Condition], dt.date, list[dict[str, object]]]:
    today = draw(st.sampled_from(DAYS))
    found = [draw(conditions(today, leaves=8)) for _ in range(count)]
    return found, today, make_rows(ROWS, today, draw(st.integers(0, 2**32)))


@some
@given(cases(1))
def test_boxes_hold_where_the_condition_does(case: tuple[list[Condition], dt.date, list[dict[str, object]]]) -> None:
    (condition,), today, rows = case
    if never(condition, CHOICES, "USD").answer is Answer.PROVEN:
        assert not any(holds(condition, row, today) for row in rows)
    if always(condition, CHOICES).answer is Answer.PROVEN:
        assert all(holds(condition, row, today) for row in rows)
    found = boxes_of(condition, CHOICES)
    if not found.exact:
        return
    for row in rows:
        held = any(all(holds(leaf, row, today) for leaf in box.leaves) for box in found.boxes)
        assert held == (holds(condition, row, today) is True)


@some
@given(cases(2))
def test_what_is_shown_of_two_conditions_is_so(case: tuple[list[Condition], dt.date, list[dict[str, object]]]) -> None:
    (one, other), today, rows = case
    left, right = boxes_of(one, CHOICES), boxes_of(other, CHOICES)
    verdict = can_meet(left, right, CHOICES, "USD")
    if verdict.answer is Answer.PROVEN:
        assert verdict.example is not None
        assert holds(All((one, other)), verdict.example.row, verdict.example.today) is True
    if verdict.answer is Answer.DISPROVEN:
        assert not any(holds(All((one, other)), row, today) for row in rows)
    if included(left, right).answer is Answer.PROVEN:
        assert all(holds(other, row, today) for row in rows if holds(one, row, today))


@some
@given(cases(1))
def test_examples_are_found_for_most_conditions(case: tuple[list[Condition], dt.date, list[dict[str, object]]]) -> None:
    (condition,), _, _ = case
    found = boxes_of(condition, CHOICES)
    if found.exact and (shown := shown_by(found, CHOICES, "USD")) is not None:
        assert shown.today == TODAY
        assert holds(condition, shown.row, shown.today) is True


@some
@given(cases(5))
def test_the_index_says_what_pairs_of_boxes_say(case: tuple[list[Condition], dt.date, list[dict[str, object]]]) -> None:
    boxes = [box for condition in case[0] for box in boxes_of(condition, CHOICES).boxes]
    index = Index(boxes)
    for number, box in enumerate(boxes):
        for other in numbers(index.including(box)):
            regions = boxes[other].regions
            assert all(box.regions.get(cell) is not None for cell in regions)
        met = index.overlapping(box)
        assert met >> number & 1


SEATS, SATISFACTION, SECONDS, MRR = (
    next(one for one in ATTRIBUTES if one.name == name) for name in ("seats", "satisfaction", "seconds", "mrr")
)
NUMBERS: tuple[Term, ...] = (
    SATISFACTION,
    SECONDS,
    Arithmetic("+", SATISFACTION, Constant(1.0), DataType(Kind.NUMBER)),
    Arithmetic("/", SECONDS, SATISFACTION, DataType(Kind.NUMBER)),
    Arithmetic("*", Constant(0.8), SECONDS, DataType(Kind.NUMBER)),
)
AMOUNTS: tuple[Term, ...] = (Amount(MRR, "USD"), Amount(MRR, None), Amount(MRR, "EUR"))
COMPARISONS = ("equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal")


@st.composite
def computed(draw: st.DrawFn) -> Condition:
    """Clauses between two terms, and of computed numbers, among ordinary ones."""
    terms = draw(st.sampled_from((NUMBERS, AMOUNTS)))
    left, right = draw(st.sampled_from(terms)), draw(st.sampled_from(terms))
    relation = Relation(draw(st.sampled_from(COMPARISONS)), left, right)
    constants = (0.0, 1.0, 9.5) if terms is NUMBERS else (Decimal(0), Decimal(50))
    test = Leaf(draw(st.sampled_from(COMPARISONS)), left, (draw(st.sampled_from(constants)),))
    asked = Leaf(draw(st.sampled_from(("is_known", "is_missing"))), left, ())
    leaf = draw(st.sampled_from((relation, test, asked)))
    return Not(leaf) if draw(st.booleans()) else leaf


@some
@given(
    st.lists(computed(), min_size=1, max_size=3), st.lists(computed(), min_size=1, max_size=3), st.integers(0, 2**32)
)
def test_computed_terms_are_never_said_too_much_of(one: list[Condition], other: list[Condition], seed: int) -> None:
    rows, today = make_rows(ROWS, TODAY, seed), TODAY
    left, right = All(tuple(one)), AnyOf(tuple(other))
    if never(left, CHOICES, "USD").answer is Answer.PROVEN:
        assert not any(holds(left, row, today) for row in rows)
    if always(right, CHOICES).answer is Answer.PROVEN:
        assert all(holds(right, row, today) for row in rows)
    if included(boxes_of(left, CHOICES), boxes_of(right, CHOICES)).answer is Answer.PROVEN:
        assert all(holds(right, row, today) for row in rows if holds(left, row, today))
    verdict = can_meet(boxes_of(left, CHOICES), boxes_of(right, CHOICES), CHOICES, "USD")
    if verdict.example is not None:
        assert holds(All((left, right)), verdict.example.row, verdict.example.today) is True


def test_a_relation_and_its_negation_never_meet() -> None:
    less, more = Relation("less", SEATS, SATISFACTION), Relation("greater_or_equal", SEATS, SATISFACTION)
    assert never(All((less, more)), CHOICES, "USD").answer is Answer.PROVEN
    assert never(less, CHOICES, "USD").answer is Answer.UNDECIDED
