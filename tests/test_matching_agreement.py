"""The forms of matching agree: the reference interpreter, the event index by masks and written out, the batch form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.typed import Condition
from engine.matching import matcher, normal_form
from engine.matching.interpreter import holds
from engine.matching.plan import FEW_ROWS, compile_plan
from tests.strategies import DAYS, conditions, make_batch, make_rows, rule

ROWS = 330


@st.composite
def cases(draw: st.DrawFn) -> tuple[dt.date, list[Condition], int, bool]:
    today = draw(st.sampled_from(DAYS))
    some = draw(st.lists(conditions(today, leaves=7, computing=True), min_size=8, max_size=8))
    return today, some, draw(st.integers(0, 2**32)), draw(st.booleans())


def agree(case: tuple[dt.date, list[Condition], int, bool]) -> int:
    """Asserts that every form says the same of every rule and row; how many pairs were compared."""
    today, some, seed, plainly = case
    rows = make_rows(ROWS, today, seed)
    plan = compile_plan([rule(condition) for condition in some])
    expected = [[n for n, condition in enumerate(some) if holds(condition, row, today) is True] for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        for often in (ROWS, 0):
            patch.setattr(matcher, "OFTEN", often)
            assert [plan.match_row(row, today) for row in rows] == expected
    matches = plan.match_batch(make_batch(rows, plan.attributes, plainly=plainly), today)
    pairs = list(zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True))
    assert pairs == [(number, matched) for number, found in enumerate(expected) for matched in found]
    few = plan.match_batch(make_batch(rows[:FEW_ROWS], plan.attributes, plainly=plainly), today)
    assert few.to_pylist() == matches.filter(pc.less(matches["row"], FEW_ROWS)).to_pylist()
    return len(rows) * len(some)


def test_reference_interpreter_event_index_and_batch_form_agree(record_property: Callable[[str, object], None]) -> None:
    compared = 0

    @settings(max_examples=78, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def run(case: tuple[dt.date, list[Condition], int, bool]) -> None:
        nonlocal compared
        compared += agree(case)

    run()
    record_property("comparisons", compared)
    assert compared >= 200_000


@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_they_agree_where_conditions_stay_whole(case: tuple[dt.date, list[Condition], int, bool]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normal_form, "MOST_CONJUNCTS", 2)
        agree(case)
