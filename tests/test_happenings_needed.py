"""The past is looked up of the rows only whose rules still may match: nothing is lost by it, and less is asked."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from dsl.typed import All, AnyOf, Condition, Not
from dsl.typed import Test as Asked
from engine.happenings import needed
from engine.happenings.history import with_history
from engine.happenings.needed import NeededPast
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from engine.matching.reads import needs_history
from engine.matching.relaxed import relaxed
from engine.matching.rows import full_rows
from engine.moments.subjects import beside, key_columns
from engine.store.rows import table_of
from engine.store.session import Store
from tests.test_happenings_agreement import CATALOG, DAYS, MRR, SEATS, fill, made_conditions, world


def beside_cheap_clauses(day: dt.date, count: int) -> list[Condition]:
    """Conditions that ask the past, beside clauses that do not, under every connective."""
    rng = random.Random(day.toordinal())
    found: list[Condition] = []
    for each in made_conditions(day, count):
        cheap = rng.choice((Asked("greater", SEATS, (rng.randrange(5),)), Asked("is_missing", MRR, ())))
        pair = rng.choice(((cheap, each), (each, Not(cheap)), (Not(each), cheap)))
        found.append(rng.choice((All(pair), All(pair), AnyOf(pair), Not(AnyOf(pair)), Not(All(pair)))))
    return found


@pytest.mark.parametrize("day", DAYS[:2], ids=str)
def test_what_is_left_out_changes_no_match(store: Store, day: dt.date, monkeypatch: pytest.MonkeyPatch) -> None:
    made, some = world(day), beside_cheap_clauses(day, 12)
    fill(store, made)
    asked: list[int] = []

    def counting(*arguments: Any) -> Any:
        asked.append(arguments[2].num_rows * len(arguments[3]))
        return with_history(*arguments)

    monkeypatch.setattr(needed, "with_history", counting)
    for start in range(0, len(some), 3):  # few rules at a time: many would need every row of every moment
        plan = Plan(some[start : start + 3])
        table = beside(key_columns(made.occurrences), table_of(made.rows, plan.attributes))
        with store.read() as connection:
            whole = with_history(connection, CATALOG, table, plan.terms, day)
            part = NeededPast(some[start : start + 3]).beside(connection, CATALOG, table, day)
        assert plan.match_batch(part, day) == plan.match_batch(whole, day)
        asked.append(-len(plan.terms) * table.num_rows)
    assert sum(asked) < 0, "less was asked than all"


@pytest.mark.parametrize("day", DAYS[:2], ids=str)
def test_a_relaxed_condition_holds_wherever_the_condition_does(store: Store, day: dt.date) -> None:
    made, some = world(day), beside_cheap_clauses(day, 40)
    fill(store, made)
    plan = Plan(some)
    table = beside(key_columns(made.occurrences), table_of(made.rows, plan.attributes))
    with store.read() as connection:
        table = with_history(connection, CATALOG, table, plan.terms, day)
    rows = full_rows(table, plan.attributes, plan.terms)
    cheap = [relaxed(each) for each in some]
    assert not any(needs_history(each) for each in cheap)
    verdicts = [
        (holds(one, row, day) is True, holds(two, row, day) is True)
        for one, two in zip(some, cheap, strict=True)
        for row in rows
    ]
    assert (True, False) not in verdicts
    assert set(verdicts) == {(True, True), (False, True), (False, False)}
