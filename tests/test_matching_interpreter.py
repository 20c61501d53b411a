"""The reference interpreter: three values, by the book, and explanations line by line."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from dsl import typed
from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Not, SegmentUse
from engine.matching.interpreter import Clause, clauses, holds
from engine.matching.plan import compile_plan
from tests.strategies import rule

TODAY = dt.date(2026, 3, 15)
COUNTRY = Attribute(Owner.CUSTOMER, "country", DataType(Kind.ENUM))
STARTED = Attribute(Owner.SUBSCRIPTION, "started_on", DataType(Kind.DATE))
MRR = Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
US = typed.Test("equal", COUNTRY, ("US",), "country = US")
KNOWN = typed.Test("is_known", COUNTRY, (), "country is known")
LONG = typed.Test("greater", Elapsed(STARTED, Unit.MONTHS), (12,), "tenure>12")
DEAR = typed.Test("greater", Amount(MRR, None), (Decimal(50),), "mrr > 50")
ROW: dict[str, Any] = {
    "subscription.started_on": dt.date(2025, 2, 15),
    "subscription.mrr": Money(5001, "USD"),
    "subscription.currency": "USD",
}


@pytest.mark.parametrize(
    ("condition", "missing", "us", "de"),
    [
        (US, None, True, False),
        (Not(US), None, False, True),
        (KNOWN, False, True, True),
        (Not(KNOWN), True, False, False),
        (All((US, KNOWN)), False, True, False),
        (All((US, LONG)), None, True, False),
        (AnyOf((US, LONG)), True, True, True),
        (AnyOf((US, Not(LONG))), None, True, False),
        (Not(AnyOf((US, Not(KNOWN)))), False, False, True),
        (SegmentUse("americans", US), None, True, False),
        (All(()), True, True, True),
        (AnyOf(()), False, False, False),
    ],
)
def test_three_values(condition: Condition, missing: bool | None, us: bool | None, de: bool | None) -> None:
    rows = [ROW, {**ROW, "customer.country": "US"}, {**ROW, "customer.country": "DE"}]
    assert [holds(condition, row, TODAY) for row in rows] == [missing, us, de]


@pytest.mark.parametrize(
    ("money", "own", "verdict"),
    [
        (Money(5001, "USD"), "USD", True),
        (Money(5000, "USD"), "USD", False),
        (Money(5001, "USD"), "EUR", None),
        (Money(5001, "USD"), None, None),
        (Money(51, "JPY"), "JPY", True),
        (Money(50_001, "KWD"), "KWD", True),
        (Money(50_000, "KWD"), "KWD", False),
    ],
)
def test_money_of_another_currency_is_missing_under_both_polarities(
    money: Money, own: str | None, verdict: bool | None
) -> None:
    row = {"subscription.mrr": money} | ({"subscription.currency": own} if own else {})
    assert holds(DEAR, row, TODAY) is verdict
    assert holds(Not(DEAR), row, TODAY) is (None if verdict is None else not verdict)
    plan = compile_plan([rule(DEAR), rule(Not(DEAR))])
    assert plan.match_row(row, TODAY) == {True: [0], False: [1], None: []}[verdict]


def test_an_explanation_follows_the_tree() -> None:
    condition = All((LONG, AnyOf((SegmentUse("americans", US), Not(DEAR)))))
    assert clauses(condition, ROW, TODAY) == [
        Clause("all of", (), None, 0),
        Clause("tenure>12", (13,), True, 1, ("subscription.started_on",)),
        Clause("any of", (), None, 1),
        Clause("americans", (), None, 2),
        Clause("country = US", (None,), None, 3, ("customer.country",)),
        Clause("not", (), False, 2),
        Clause("mrr > 50", (Money(5001, "USD"),), True, 3, ("subscription.mrr",)),
    ]


def test_an_explanation_of_nothing_asked() -> None:
    assert clauses(All(()), ROW, TODAY) == [Clause("always", (), True, 0)]
    assert clauses(US, {}, TODAY) == [Clause("country = US", (None,), None, 0, ("customer.country",))]


def test_a_plan_names_what_it_reads_once() -> None:
    plan = compile_plan([rule(All((LONG, DEAR))), rule(AnyOf((US, LONG)))])
    assert [one.key for one in plan.attributes] == [
        "customer.country",
        "subscription.currency",
        "subscription.mrr",
        "subscription.started_on",
    ]


def test_rows_are_matched_as_of_each_local_date() -> None:
    plan = compile_plan([rule(LONG)])
    days = [TODAY + dt.timedelta(days) for days in range(-20, 20)]
    assert [plan.match_row(ROW, day) for day in days] == [[0] if day >= TODAY else [] for day in days]
