"""The solver agrees with the quick analysis on everything that this proves, and with the rows there are."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.choices import HistoryVerb, TimeUnit
from dsl.datatypes import Kind
from dsl.lint.answers import Answer, always, included, never
from dsl.lint.boxes import boxes_of
from dsl.service import lint
from dsl.typed import All, Condition, CountOf, DecidedCount, Events, Not, Window
from dsl.typed import Test as Leaf
from engine.matching.interpreter import holds
from tests.language import check_text
from tests.strategies import ATTRIBUTES, DAYS, conditions, make_rows

pytest.importorskip("z3", reason="the exact analysis needs pip install 'carpe[analysis]'")

from dsl.exact import can_be_true, implies
from dsl.lint.exactly import examined

CHOICES = {Kind.PLAN: ("basic", "premium", "Fiber optic", "NO", ""), Kind.ADDON: ()}
some = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Condition, Condition, dt.date, int]:
    today = draw(st.sampled_from(DAYS))
    one, other = draw(conditions(today, leaves=5)), draw(conditions(today, leaves=5))
    return one, other, today, draw(st.integers(0, 2**32))


@some
@given(pairs())
def test_it_agrees_with_what_the_quick_analysis_proves(pair: tuple[Condition, Condition, dt.date, int]) -> None:
    one, other, today, seed = pair
    both = All((one, other))
    exact = can_be_true(both, CHOICES)
    if never(both, CHOICES, "USD").answer is Answer.PROVEN:
        assert exact.answer is not Answer.PROVEN
    if never(both, CHOICES, "USD").answer is Answer.DISPROVEN:
        assert exact.answer is not Answer.DISPROVEN
    if included(boxes_of(one, CHOICES), boxes_of(other, CHOICES)).answer is Answer.PROVEN:
        assert implies(one, other, CHOICES).answer is not Answer.DISPROVEN
    if always(one, CHOICES).answer is Answer.PROVEN:
        assert implies(All(()), one, CHOICES).answer is not Answer.DISPROVEN
    if exact.answer is Answer.DISPROVEN:
        assert not any(holds(both, row, today) for row in make_rows(60, today, seed))


def test_what_never_holds_is_found_where_only_days_tell() -> None:
    born = next(one for one in ATTRIBUTES if one.name == "date_of_birth")
    soon, past = Leaf("within_next", born, (7,)), Leaf("within_last", born, (30,))
    assert can_be_true(All((soon, Not(past))), CHOICES).answer is Answer.PROVEN
    assert can_be_true(All((soon, Leaf("within_next", born, (3,)), Not(soon))), CHOICES).answer is Answer.DISPROVEN


def test_a_longer_window_counts_at_least_as_much() -> None:
    def calls(days: int) -> CountOf:
        return CountOf(Events("support_call", All(()), Window(days, TimeUnit.DAYS)))

    more, fewer = Leaf("greater", calls(7), (3,)), Leaf("less", calls(30), (3,))
    assert can_be_true(All((more, fewer)), CHOICES).answer is Answer.DISPROVEN
    ever = Leaf("equal", DecidedCount(HistoryVerb.OFFERED, "premium"), (0,))
    lately = Leaf("greater", DecidedCount(HistoryVerb.OFFERED, "premium", Window(1, TimeUnit.MONTHS)), (0,))
    assert can_be_true(All((ever, lately)), CHOICES).answer is Answer.DISPROVEN


def test_findings_that_only_the_solver_makes():
    text = """
        rule often on renewal where count of support_call in last 30 days > 3 say "a" priority 10
        rule lately on renewal where count of support_call in last 7 days > 3 say "b"
        rule twice on birthday
          where count of download in last 30 days > 2 and count of download in last 7 days > 3 say "c"
    """
    ruleset = check_text(text).ruleset
    assert ruleset is not None
    quick = lint(ruleset)
    assert not {one.code for one in quick} & {"shadowed", "redundant-clause"}
    found = examined(ruleset, quick)
    assert [(one.code, one.source.slice(one.span)) for one in found] == [
        ("redundant-clause", "count of download in last 30 days > 2"),
        ("shadowed", "lately"),
    ]
