"""Every operator's row is whole, and its negation holds of exactly the other present values."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.datatypes import Kind
from dsl.operators import OPERATORS, Operator, glob

ROWS = pytest.mark.parametrize("row", OPERATORS.values(), ids=OPERATORS)
TODAY = dt.date(2026, 3, 15)

words = st.text(alphabet="abAB*?.é ", max_size=6)
dates = st.dates(dt.date(2026, 2, 1), dt.date(2026, 4, 30))
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: words,
    Kind.NUMBER: st.floats(-9, 9),
    Kind.COUNT: st.integers(-9, 9),
    Kind.FLAG: st.booleans(),
    Kind.ENUM: st.sampled_from(["US", "DE", "NO"]),
    Kind.SET: st.frozensets(words, max_size=3),
    Kind.DATE: dates,
    Kind.ELAPSED: st.integers(0, 30),
    Kind.MONEY: st.decimals(-9, 9, places=2),
    Kind.PERCENT: st.decimals(0, 100, places=1),
    Kind.PLAN: st.sampled_from(["basic", "premium"]),
    Kind.ADDON: st.sampled_from(["backup", "storage_plus"]),
}


def operands(row: Operator, kind: Kind) -> st.SearchStrategy[tuple[Any, ...]]:
    """As many operands as the row takes, of the kind that stands beside a value of `kind`."""
    one = st.integers(0, 40) if "within" in row.name else words if kind is Kind.SET else VALUES[kind]
    if row.operands is None:
        return st.lists(one, min_size=1, max_size=3).map(tuple)
    if row.name in ("between", "not_between"):
        return st.tuples(one, one).map(lambda ends: tuple(sorted(ends)))
    return st.tuples(*[one] * row.operands)


@ROWS
def test_every_row_has_every_slot(row: Operator) -> None:
    assert row.kinds
    assert row.wording
    assert row.date_wording
    assert row.spelling or row.name == "is_true", "a bare flag has no operator to spell"
    assert row.missing is (row.name == "is_missing")


@ROWS
def test_a_negation_is_mutual(row: Operator) -> None:
    negation = OPERATORS[row.negation]
    assert negation.negation == row.name
    assert negation.kinds == row.kinds
    assert negation.operands == row.operands


@ROWS
@given(data=st.data())
def test_a_negation_holds_of_exactly_the_other_present_values(row: Operator, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(row.kinds)))
    value, given_ = data.draw(VALUES[kind]), data.draw(operands(row, kind))
    assert OPERATORS[row.negation].meaning(value, given_, TODAY) is not row.meaning(value, given_, TODAY)


@pytest.mark.parametrize(
    ("name", "value", "given_", "holds"),
    [
        ("equal", "NO", ("NO",), True),
        ("equal", "no", ("NO",), False),
        ("less", 12, (12,), False),
        ("less_or_equal", 12, (12,), True),
        ("greater", 13, (12,), True),
        ("greater_or_equal", dt.date(2026, 1, 1), (dt.date(2026, 1, 1),), True),
        ("in", Decimal("10.00"), (Decimal(10), Decimal(20)), True),
        ("between", 8, (8, 50), True),
        ("between", 50, (8, 50), True),
        ("between", 51, (8, 50), False),
        ("is_true", False, (), False),
        ("contains", "the slow page", ("slow",), True),
        ("starts_with", "/pricing", ("/",), True),
        ("ends_with", "a@example.com", ("@example.com",), True),
        ("like", "/pricing/eu", ("/pricing*",), True),
        ("like", "a/pricing", ("/pricing*",), False),
        ("like", "a.b", ("a?b",), True),
        ("like", "axb", ("a.b",), False),
        ("like", "a\nb", ("a*b",), True),
        ("includes", frozenset({"sport"}), ("sport",), True),
        ("includes", frozenset(), ("sport",), False),
        ("within_next", TODAY, (0,), True),
        ("within_next", TODAY + dt.timedelta(7), (7,), True),
        ("within_next", TODAY + dt.timedelta(8), (7,), False),
        ("within_next", TODAY - dt.timedelta(1), (7,), False),
        ("within_last", TODAY - dt.timedelta(7), (7,), True),
        ("within_last", TODAY + dt.timedelta(1), (7,), False),
        ("within_next_months", dt.date(TODAY.year, TODAY.month + 1, TODAY.day), (1,), True),
        ("within_next_months", dt.date(TODAY.year, TODAY.month + 1, TODAY.day + 1), (1,), False),
        ("within_last_months", dt.date(TODAY.year - 1, TODAY.month, TODAY.day), (12,), True),
        ("within_last_months", dt.date(TODAY.year - 1, TODAY.month, TODAY.day - 1), (12,), False),
    ],
)
def test_meaning(name: str, value: Any, given_: tuple[Any, ...], holds: bool) -> None:
    assert OPERATORS[name].meaning(value, given_, TODAY) is holds


@given(pattern=st.text(alphabet="ab*?.", max_size=8), text=st.text(alphabet="ab.", max_size=10))
def test_globs_are_those_of_the_shell_without_brackets(pattern: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert (glob(pattern).fullmatch(text) is not None) is expected


def test_a_glob_of_many_stars_ends() -> None:
    assert glob("*a" * 30 + "b").fullmatch("a" * 2000) is None
