"""A few rules that are met often are matched by a function that is written for them, and nobody can tell."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from dsl import typed
from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, CountOf, Events, Not, SumOf
from engine.matching import guards, matcher, straight
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from tests.bench.made_up import AUTOPAY, COUNTRY, LIKES, MRR, PAGE, PLAN, SEATS, STARTED, TODAY

ROWS: list[dict[str, Any]] = [
    {},
    {PLAN.key: "basic", COUNTRY.key: "DE", SEATS.key: 3, AUTOPAY.key: True, PAGE.key: "/pricing"},
    {PLAN.key: "basic", COUNTRY.key: None, SEATS.key: 4, AUTOPAY.key: False, LIKES.key: frozenset(["sport", "film"])},
    {PLAN.key: 'it\'s "{odd}" \\n', COUNTRY.key: "", SEATS.key: -1, LIKES.key: frozenset(), STARTED.key: dt.date.min},
    {MRR.key: Money(500, "USD"), "subscription.currency": "USD", STARTED.key: TODAY, PAGE.key: "/blog/a"},
    {MRR.key: Money(500, "JPY"), "subscription.currency": "JPY", STARTED.key: dt.date.max, SEATS.key: 2**63 - 1},
    {MRR.key: Money(500, "EUR"), "subscription.currency": "USD"},
]


def ask(operator: str, term: typed.Term, *operands: Any) -> Condition:
    return typed.Test(operator, term, operands)


ODD = ask("equal", PLAN, 'it\'s "{odd}" \\n')
FEW: list[Condition] = [
    All(()),
    AnyOf(()),
    ODD,
    Not(ODD),
    ask("in", COUNTRY, "DE", "FR", "IT"),
    ask("not_in", COUNTRY, "DE", "FR"),
    ask("is_missing", COUNTRY),
    AnyOf((ask("is_missing", COUNTRY), ask("equal", COUNTRY, "DE"))),
    All((ask("equal", COUNTRY, "DE"), ask("equal", PLAN, "basic"), ask("between", SEATS, 3, 5))),
    AnyOf((ask("equal", PLAN, "basic"), ask("greater", SEATS, 3), ask("is_true", AUTOPAY))),
    All((ask("is_false", AUTOPAY), ask("includes", LIKES, "sport"), Not(ask("includes", LIKES, "music")))),
    All((ask("is_known", LIKES), Not(ask("includes", LIKES, "sport")))),
    AnyOf((ask("is_missing", MRR), ask("less", Amount(MRR, None), 6))),
    ask("greater", Amount(MRR, "JPY"), 499),
    Not(ask("greater", Amount(MRR, "USD"), 5)),
    All((ask("starts_with", PAGE, "/pri"), ask("ends_with", PAGE, "ing"), ask("equal", PLAN, "basic"))),
    AnyOf((ask("within_last", STARTED, 7), All((ask("contains", PAGE, "g"), Not(ask("like", PAGE, "/p*")))))),
    ask("not_equal", STARTED, TODAY),
    AnyOf((Not(ask("between", SEATS, 3, 3)), ask("is_missing", SEATS))),
]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules' alternatives a function was written for, each time; that is done from the second row on."""
    found: list[int] = []

    def write(conjuncts: Any, guards: Any) -> straight.Match:
        found.append(len(conjuncts))
        return straight.straight(conjuncts, guards)

    monkeypatch.setattr(matcher, "OFTEN", 0)
    monkeypatch.setattr(matcher, "straight", write)
    return found


def expected(some: list[Condition], row: dict[str, Any]) -> list[int]:
    return [number for number, condition in enumerate(some) if holds(condition, row, TODAY) is True]


def test_every_kind_of_set_is_written_out(written: list[int]) -> None:
    plan = Plan(FEW)
    for row in ROWS * 2:
        assert plan.match_row(row, TODAY) == expected(FEW, row)
    assert len(written) == 1


def test_a_function_for_each_rule_alone(written: list[int]) -> None:
    for condition in FEW:
        plan = Plan([condition])
        for row in ROWS * 2:
            assert plan.match_row(row, TODAY) == expected([condition], row)
    assert len(written) == len(FEW)


def test_rules_that_are_met_seldom_or_are_many_or_wide_are_not_written_out(
    written: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [ask("greater", SEATS, number) for number in range(matcher.FEW_CONJUNCTS + 1)]
    names = (f"x{number}" for number in range(200))
    wide: list[Condition] = [
        All(tuple(ask("is_known", Attribute(Owner.CUSTOMER, name, DataType(Kind.COUNT))) for name in names))
    ]
    for some in (many, wide):
        plan = Plan(some)
        for row in ROWS:
            assert plan.match_row(row, TODAY) == expected(some, row)
    monkeypatch.setattr(matcher, "OFTEN", 2 * len(ROWS))
    plan = Plan(FEW)
    for row in ROWS * 2:
        plan.match_row(row, TODAY)
    assert not written


def test_what_costs_is_asked_only_where_all_else_holds_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    row = {PLAN.key: "basic", PAGE.key: "/pricing", COUNTRY.key: "DE"}
    like = ask("contains", PAGE, "rici")
    some: list[Condition] = [
        All((like, ask("equal", PLAN, "premium"))),
        All((like, ask("equal", PLAN, "basic"))),
        All((Not(like), ask("equal", COUNTRY, "DE"))),
        All((ask("contains", PAGE, "x"), ask("equal", COUNTRY, "FR"))),
    ]
    pattern = guards.Guards._pattern

    def told(self: guards.Guards, one: Any) -> Any:
        answer = pattern(self, one)
        return lambda row: (asked.append(one.operands[0]), answer(row))[1]

    monkeypatch.setattr(guards.Guards, "_pattern", told)
    for often in (99, 0):
        monkeypatch.setattr(matcher, "OFTEN", often)
        plan = Plan(some)
        plan.match_row({}, TODAY)
        asked.clear()
        assert plan.match_row(row, TODAY) == [1]
        assert asked == ["rici"]


def test_under_a_mask_only_what_is_tried_is_written_out(written: list[int]) -> None:
    """What was not looked up of the past, because no rule that is tried asks for it, is not read either."""
    seconds = Attribute(Owner.EVENT, "seconds", DataType(Kind.NUMBER))
    visits = Events("visit", All(()))
    past = typed.Relation("greater", CountOf(visits), SumOf(seconds, visits, None))
    some = [past, *FEW, All((past, ask("equal", PLAN, "basic")))]
    plan = Plan(some)
    for numbers in (range(1, len(FEW) + 1), (2, 4, 7), ()):
        masked = plan.only(numbers)
        for row in ROWS * 2:
            chosen = [number for number in numbers if holds(some[number], row, TODAY) is True]
            assert masked.match_row(row, TODAY) == chosen
    assert len(written) == 3
