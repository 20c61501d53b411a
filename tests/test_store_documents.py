"""The stored form: every value comes back as it was, through JSON text."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.datatypes import DataType, Kind, Money, Unit, Value
from engine.store.documents import decode, dump, encode

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
int64 = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.TEXT: texts,
    Kind.ENUM: texts,
    Kind.PLAN: texts,
    Kind.ADDON: texts,
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    Kind.COUNT: int64,
    Kind.FLAG: st.booleans(),
    Kind.SET: st.frozensets(texts, max_size=4),
    Kind.DATE: st.dates(),
    Kind.MONEY: st.builds(Money, int64, st.sampled_from(["USD", "JPY", "KWD"])),
    Kind.PERCENT: st.decimals(-1000, 1000, places=6),
}
typed_values = st.sampled_from(list(VALUES)).flatmap(lambda kind: st.tuples(st.just(DataType(kind)), VALUES[kind]))


@given(typed_values)
def test_a_value_comes_back(case: tuple[DataType, Value]) -> None:
    data_type, value = case
    back = decode(data_type, json.loads(dump(encode(data_type, value))))
    assert back == value
    assert type(back) is type(value)


@given(typed_values)
def test_the_stored_text_is_canonical(case: tuple[DataType, Value]) -> None:
    data_type, value = case
    text = dump(encode(data_type, value))
    assert dump(json.loads(text)) == text
    assert dump(encode(data_type, decode(data_type, json.loads(text)))) == text


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (Kind.DATE, dt.date(2026, 3, 15), "2026-03-15"),
        (Kind.MONEY, Money(2999, "USD"), [2999, "USD"]),
        (Kind.PERCENT, Decimal("20.50"), "20.5"),
        (Kind.PERCENT, Decimal(100), "100"),
        (Kind.SET, frozenset({"b", "a"}), ["a", "b"]),
        (Kind.SET, frozenset(), []),
        (Kind.NUMBER, 5.0, 5.0),
        (Kind.FLAG, False, False),
        (Kind.TEXT, "Åse", "Åse"),
    ],
)
def test_the_forms_that_others_rely_on(kind: Kind, value: Value, stored: object) -> None:
    assert encode(DataType(kind), value) == stored


def test_negative_zero_is_zero() -> None:
    assert dump(encode(DataType(Kind.NUMBER), -0.0)) == "0.0"


def test_an_elapsed_time_is_never_stored() -> None:
    with pytest.raises(TypeError):
        encode(DataType(Kind.ELAPSED, unit=Unit.MONTHS, since="started_on"), 3)
