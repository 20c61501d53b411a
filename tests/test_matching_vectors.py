"""Clauses that compute, asked of many rows at once, say what the reference says of each row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl import typed
from dsl.choices import HistoryVerb
from dsl.datatypes import DataType, Kind, Money
from dsl.typed import All, Amount, Arithmetic, Attribute, Constant, DecidedCount, Events, Relation, SumOf
from engine.matching import verdicts as asked
from engine.matching.interpreter import holds
from engine.matching.keys import key_of
from engine.matching.reads import attributes_of, sides
from engine.matching.verdicts import verdicts
from tests.strategies import ATTRIBUTES, CURRENCY, DAYS, computed_clauses, make_batch, make_rows, values_of

TODAY = DAYS[0]
ROWS = make_rows(160, TODAY, 1)
BATCH = make_batch(ROWS, ATTRIBUTES, plainly=False)
BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}
MRR, SEATS = Amount(BY_NAME["mrr"], None), BY_NAME["seats"]
A_NUMBER, AN_AMOUNT = DataType(Kind.NUMBER), DataType(Kind.MONEY)


def said(clause: asked.Clause, table: pa.Table = BATCH, today: dt.date = TODAY) -> list[bool | None]:
    """The batch form's answers, one a row."""
    codes = verdicts(table, clause, [False, True], np.arange(table.num_rows), today)
    return [(None, None, False, True)[code] for code in codes.tolist()]


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
@given(computed_clauses(), st.sampled_from(DAYS))
def test_all_rows_at_once_say_what_each_row_says(clause: Any, today: dt.date) -> None:
    assert said(clause, today=today) == [holds(clause, row, today) for row in ROWS]


def every_pair(left: Attribute, right: Attribute) -> tuple[list[dict[str, Any]], pa.Table]:
    rows = [
        {key: value for key, value in ((left.key, one), (right.key, other), (CURRENCY.key, "USD")) if value is not None}
        for one in (*values_of(left, TODAY), None)
        for other in (*values_of(right, TODAY), None)
    ]
    return rows, make_batch(rows, [left, right, CURRENCY])


@pytest.mark.parametrize("operator", "+-*/")
@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("seats", "seats", Kind.NUMBER),
        ("seats", "satisfaction", Kind.NUMBER),
        ("satisfaction", "seconds", Kind.NUMBER),
        ("mrr", "amount", Kind.NUMBER),
        ("mrr", "seats", Kind.MONEY),
        ("mrr", "satisfaction", Kind.MONEY),
        ("discount", "seats", Kind.PERCENT),
    ],
)
def test_every_operation_on_every_pair_of_values(left: str, right: str, kind: Kind, operator: str) -> None:
    """What is compared with the result is the result itself, worked out by Python's own exact numbers."""
    one, other = BY_NAME[left], BY_NAME[right]
    rows, table = every_pair(one, other)
    terms = [Amount(each, "USD") if each.type.kind is Kind.MONEY else each for each in (one, other)]
    term = Arithmetic(operator, *terms, DataType(kind))
    for name in ("is_known", "less", "equal"):
        for operand in ((),) if name == "is_known" else ((0.0,), (1.5,), (-1,), (Decimal("0.01"),)):
            clause = typed.Test(name, term, operand)
            assert said(clause, table) == [holds(clause, row, TODAY) for row in rows]


def test_vectors_answer_almost_everything_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of amounts and counts as companies have them the reference is not asked once, not even for a third."""
    monkeypatch.setattr(asked, "holds", lambda *_: pytest.fail("the reference was asked"))
    rows: list[dict[str, Any]] = [
        {"subscription.mrr": Money(4999 + n, "USD"), CURRENCY.key: "USD", SEATS.key: n % 7, "event.seconds": n / 3}
        for n in range(200)
    ]
    attributes = [BY_NAME[name] for name in ("mrr", "currency", "seats", "seconds")]
    table = make_batch(rows, attributes)
    clauses = [
        typed.Test("greater", Arithmetic("/", MRR, SEATS, AN_AMOUNT), (Decimal("9.99"),)),
        typed.Test("between", Arithmetic("/", MRR, Constant(3), AN_AMOUNT), (Decimal("16.66"), Decimal("17.34"))),
        Relation("less", Arithmetic("*", Constant(Decimal("0.8")), MRR, AN_AMOUNT), MRR),
        Relation("less", Arithmetic("/", MRR, SEATS, AN_AMOUNT), Arithmetic("/", MRR, Constant(4), AN_AMOUNT)),
        typed.Test("equal", Arithmetic("/", SEATS, Constant(3), A_NUMBER), (1 / 3,)),
        Relation("greater", BY_NAME["seconds"], Arithmetic("*", SEATS, Constant(2), A_NUMBER)),
        Relation("greater", BY_NAME["seconds"], SEATS),
    ]
    for clause in clauses:
        assert said(clause, table) == [holds(clause, row, TODAY) for row in rows]
        assert True in said(clause, table)


def test_sums_and_counts_of_the_past_are_vectors_too() -> None:
    paid = SumOf(Attribute(typed.Owner.EVENT, "amount", AN_AMOUNT), Events("paid", All(())), "USD")
    offered = DecidedCount(HistoryVerb.OFFERED, None)
    sums = [Decimal(0), Decimal("0.01"), Decimal("49.99"), Decimal(2**63) / 10**4, Decimal(10) ** 30, None]
    rows = [{key_of(paid): sums[n % 6], key_of(offered): n % 4} for n in range(24)]
    table = pa.table(
        {
            key_of(paid): pa.array([row[key_of(paid)] for row in rows], pa.decimal128(38, 4)),
            key_of(offered): pa.array([row[key_of(offered)] for row in rows], pa.int64()),
        }
    ).slice(1)
    for clause in (
        typed.Test("less", Arithmetic("/", paid, offered, AN_AMOUNT), (Decimal("49.99"),)),
        typed.Test("equal", Arithmetic("-", paid, paid, AN_AMOUNT), (Decimal(0),)),
        typed.Test("greater", Arithmetic("*", paid, offered, AN_AMOUNT), (Decimal(10) ** 19,)),
    ):
        assert said(clause, table) == [holds(clause, row, TODAY) for row in rows[1:]]
        assert {attribute for side in sides(clause) for attribute in attributes_of(side)} == set()
