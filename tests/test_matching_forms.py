"""Every operator has a row, a batch and a reference form, and they agree on every value of every pool."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from dsl import typed
from dsl.datatypes import Kind, Money
from dsl.operators import OPERATORS
from dsl.typed import Amount, Attribute, Elapsed, Term
from engine.matching import plan as plans
from engine.matching.interpreter import holds
from engine.matching.leaves import Atom, Leaf, bind
from engine.matching.plan import compile_plan
from engine.matching.reads import attributes_of
from engine.matching.terms import Row
from tests.strategies import (
    CURRENCY,
    DAYS,
    TERMS,
    kind_of,
    make_batch,
    operands_of,
    operators_of,
    rule,
    values_of,
)


@pytest.fixture(autouse=True)
def _batches_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows too are matched in the batch form, which is what these tests are about."""
    monkeypatch.setattr(plans, "FEW_ROWS", 0)


def every_test(term: Term, today: dt.date) -> list[typed.Test]:
    """All operators of a term, each with every operand of its pool (in pairs and threes where it takes more)."""
    found = []
    for name in operators_of(term):
        count = OPERATORS[name].operands
        pool = [] if count == 0 else operands_of(term, name, today)
        sizes = {None: (1, 3), 0: (0,), 1: (1,), 2: (2,)}[count]
        for size in sizes:
            choices = itertools.islice(itertools.product(pool, repeat=size), 0, None, 1 if size < 3 else 97)
            found += [typed.Test(name, term, operands) for operands in choices]
    return found


def every_row(term: Term, today: dt.date) -> list[dict[str, object]]:
    """A row for each value of the attribute, in each currency if it is money, and rows without it."""
    main = attributes_of(term)[0]
    rows: list[dict[str, object]] = [{}, {CURRENCY.key: "USD"}]
    for value in values_of(main, today):
        currencies: list[str | None] = ["USD", "JPY", None] if isinstance(value, Money) else [None]
        rows += [{main.key: value} | ({CURRENCY.key: own} if own else {}) for own in currencies]
    return rows


@pytest.mark.parametrize("today", DAYS[:3], ids=str)
@pytest.mark.parametrize("term", TERMS, ids=str)
def test_every_form_of_every_operator_agrees(term: Term, today: dt.date) -> None:
    some = every_test(term, today)
    rows: list[Row] = every_row(term, today)  # type: ignore[assignment]
    plan = compile_plan([rule(test) for test in some])
    expected = [[n for n, test in enumerate(some) if holds(test, row, today) is True] for row in rows]
    assert [plan.match_row(row, today) for row in rows] == expected
    for plainly in (True, False):
        matches = plan.match_batch(make_batch(rows, plan.attributes, plainly=plainly), today)  # type: ignore[arg-type]
        pairs = list(zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True))
        assert pairs == [(number, matched) for number, found in enumerate(expected) for matched in found]


def test_no_operator_and_no_kind_is_left_out() -> None:
    asked = {(test.operator, kind_of(test.term)) for term in TERMS for test in every_test(term, DAYS[0])}
    assert {operator for operator, _ in asked} == set(OPERATORS)
    assert asked == {(row.name, kind) for row in OPERATORS.values() for kind in row.kinds}


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_a_test_and_its_negation_part_the_present_values(term: Term) -> None:
    today = DAYS[0]
    for test in every_test(term, today):
        if test.operator in ("is_known", "is_missing"):
            continue
        here, there = (
            bind(Leaf(term, frozenset([Atom(name, test.operands)])), today)
            for name in (test.operator, OPERATORS[test.operator].negation)
        )
        assert here.column == there.column
        assert not here.values.missing
        assert not there.values.missing
        assert here.values.toggles == there.values.toggles or isinstance(term, Elapsed)


def test_the_pools_have_every_kind() -> None:
    kinds = {kind_of(term) for term in TERMS}
    assert kinds == set(Kind)
    assert any(isinstance(term, Amount) and term.currency is None for term in TERMS)
    assert any(isinstance(term, Attribute) and term.type.kind is Kind.MONEY for term in TERMS)


def test_several_questions_of_one_text_must_all_be_answered_yes() -> None:
    page = next(term for term in TERMS if isinstance(term, Attribute) and term.name == "page")
    asked = [test for test in every_test(page, DAYS[0]) if test.operator.endswith(("like", "with", "contains"))]
    some = [typed.All((one, other)) for one in asked[::7] for other in asked[::5]]
    rows: list[Row] = every_row(page, DAYS[0])  # type: ignore[assignment]
    plan = compile_plan([rule(both) for both in some])
    for row in rows:
        assert plan.match_row(row, DAYS[0]) == [n for n, both in enumerate(some) if holds(both, row, DAYS[0])]
