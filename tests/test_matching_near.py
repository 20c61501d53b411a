"""Near misses: what one look at the masks finds is what the reference finds, rule by rule and clause by clause."""

from __future__ import annotations

import datetime as dt
import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl import typed
from dsl.catalog import Owner
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind, Unit, Value
from dsl.typed import All, AnyOf, Attribute, Condition, Elapsed, Events, Not, Relation, SegmentUse, SinceLast, Window
from engine.matching.interpreter import holds
from engine.matching.keys import key_of
from engine.matching.leaves import bind
from engine.matching.near import DIFFERS, IS_ANOTHER, IS_MISSING, WAITS, Way
from engine.matching.normal_form import Leaf, push_not
from engine.matching.plan import Plan
from tests.strategies import DAYS, clauses, computed_clauses, conditions, make_rows
from tests.strategies import TERMS as ALL_TERMS

QUIET = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def attribute(name: str, kind: Kind, owner: Owner = Owner.SUBSCRIPTION) -> Attribute:
    return Attribute(owner, name, DataType(kind))


# --- conjunctions: exactly one clause fails --------------------------------------------------------------------------


def column_of(test: Condition, today: dt.date) -> object:
    form = push_not(test)
    assert isinstance(form, Leaf)
    return bind(form, today).column


def is_possible(test: Condition, today: dt.date) -> bool:
    form = push_not(test)
    return isinstance(form, Leaf) and not bind(form, today).values.is_empty


@st.composite
def conjunctions(draw: st.DrawFn, today: dt.date) -> All:
    """Tests of different values, each of which some value could pass."""
    some = draw(st.lists(st.one_of(clauses(today, ALL_TERMS), computed_clauses()), min_size=1, max_size=5))
    by_column = {column_of(test, today): test for test in some if is_possible(test, today)}
    return All(tuple(by_column.values()))


@QUIET
@given(st.data(), st.sampled_from(DAYS), st.integers(0, 2**32))
def test_a_conjunction_is_missed_by_one_where_one_clause_is_not_true(
    data: st.DataObject, today: dt.date, seed: int
) -> None:
    some = data.draw(st.lists(conjunctions(today), min_size=6, max_size=6))
    plan = Plan(some)
    for row in make_rows(40, today, seed):
        found = plan.near_misses(row, today)
        failing = [[test for test in each.items if holds(test, row, today) is not True] for each in some]
        assert {way.rule for way in found} == {number for number, tests in enumerate(failing) if len(tests) == 1}
        for way in found:
            assert holds(way.wanted, row, today) is not True
            assert push_not(way.wanted) == push_not(failing[way.rule][0])
        assert [way.nearness for way in found] == sorted(way.nearness for way in found)
        assert not any(math.isnan(way.nearness[1]) for way in found)


@QUIET
@given(st.data(), st.sampled_from(DAYS), st.integers(0, 2**32))
def test_it_begins_on_the_first_day_on_which_the_reference_says_so(
    data: st.DataObject, today: dt.date, seed: int
) -> None:
    dated = [term for term in ALL_TERMS if isinstance(term, Elapsed) or getattr(term, "name", "") == "started_on"]
    some = [All((data.draw(clauses(today, dated)),)) for _ in range(4)]
    some = [each for each in some if is_possible(each.items[0], today)]
    for row in make_rows(12, today, seed):
        for way in Plan(some).near_misses(row, today):
            later = (today + dt.timedelta(days=n) for n in range(1, 367))
            assert way.starts == next((day for day in later if holds(some[way.rule], row, day) is True), None)
            assert (way.nearness[0] == WAITS) == (way.starts is not None)


# --- any condition: what is wanted would do --------------------------------------------------------------------------


def would_hold(condition: Condition, wanted: set[Condition], row: dict[str, Value], today: dt.date) -> bool:
    """The truth of the condition if the wanted tests were true, `not` pushed down by the book."""

    def true(part: Condition, *, negated: bool) -> bool:
        match part:
            case Not(item):
                return true(item, negated=not negated)
            case SegmentUse(condition=named):
                return true(named, negated=negated)
            case All(items) | AnyOf(items):
                verdicts = [true(item, negated=negated) for item in items]
                return all(verdicts) if isinstance(part, All) != negated else any(verdicts)
        positive: Condition = Not(part) if negated else part
        return push_not(positive) in {push_not(each) for each in wanted} or holds(positive, row, today) is True

    return true(condition, negated=False)


def clauses_of(condition: Condition) -> set[Condition]:
    if isinstance(condition, All | AnyOf):
        return {test for item in condition.items for test in clauses_of(item)}
    return {condition}


@QUIET
@given(st.data(), st.sampled_from(DAYS), st.integers(0, 2**32))
def test_if_what_is_wanted_were_so_the_rule_would_match(data: st.DataObject, today: dt.date, seed: int) -> None:
    some = data.draw(st.lists(conditions(today, computing=True), min_size=8, max_size=8))
    plan = Plan(some)
    for row in make_rows(25, today, seed):
        matched = set(plan.match_row(row, today))
        for way in plan.near_misses(row, today):
            assert way.rule not in matched
            assert holds(some[way.rule], row, today) is not True
            assert would_hold(some[way.rule], clauses_of(way.wanted), row, today)


# --- how near, by hand -----------------------------------------------------------------------------------------------

TODAY = dt.date(2026, 3, 15)
SEATS, PLAN = attribute("seats", Kind.COUNT), attribute("plan", Kind.PLAN)
STARTED = attribute("started_on", Kind.DATE)
TENURE = Elapsed(STARTED, Unit.MONTHS, "tenure")


def near(row: dict[str, Value], *some: Condition) -> list[Way]:
    return Plan(some).near_misses(row, TODAY)


def test_time_comes_first_then_numbers_then_choices_then_what_is_unknown() -> None:
    row: dict[str, Value] = {"subscription.started_on": dt.date(2025, 6, 20), SEATS.key: 8, PLAN.key: "basic"}
    unknown = typed.Test("greater", attribute("score", Kind.NUMBER), (1.0,))
    another = typed.Test("equal", PLAN, ("premium",))
    far, close = (typed.Test("greater", SEATS, (least,)) for least in (80, 8))
    longer = typed.Test("greater_or_equal", TENURE, (12,))
    found = near(row, unknown, another, far, close, longer)
    assert [way.rule for way in found] == [4, 3, 2, 1, 0]
    assert [way.nearness[0] for way in found] == [WAITS, DIFFERS, DIFFERS, IS_ANOTHER, IS_MISSING]
    assert found[0].starts == dt.date(2026, 6, 20)
    assert found[0].nearness == (WAITS, 97.0)
    assert found[1].nearness == (DIFFERS, 1 / 9)


def test_two_conditions_on_one_value_are_one_thing() -> None:
    both = All((typed.Test("greater", SEATS, (3,)), typed.Test("greater", SEATS, (5,))))
    (way,) = near({SEATS.key: 1}, both)
    assert clauses_of(way.wanted) == set(both.items)


def test_what_nothing_could_pass_is_no_near_miss() -> None:
    never = All((typed.Test("equal", PLAN, ("a",)), typed.Test("equal", PLAN, ("b",))))
    assert near({PLAN.key: "a"}, never) == []


def test_the_time_since_an_event_passes_too() -> None:
    visited = SinceLast(Events("visit", All(()), Window(90, TimeUnit.DAYS)))
    fortnight = 14 * 24 * 3600 * 10**6
    rule = typed.Test("greater", visited, (fortnight,))
    (way,) = near({key_of(visited): fortnight - 1}, rule)
    assert way.starts == TODAY + dt.timedelta(days=1)


def test_a_clause_that_computes_and_a_pattern_are_things_too() -> None:
    page = attribute("page", Kind.TEXT, Owner.EVENT)
    like = typed.Test("like", page, ("/pricing*",))
    fewer = Relation("less", SEATS, attribute("licences", Kind.COUNT))
    row: dict[str, Value] = {"event.page": "/about", SEATS.key: 3, "subscription.licences": 3}
    assert near(row, All((like, fewer))) == []
    assert [way.wanted for way in near(row, like, fewer)] == [like, fewer]
