"""Sums of numbers may be infinite, and then compare as the reference says in every form."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import sys

import pyarrow as pa
import pytest

from dsl import typed
from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind
from dsl.typed import All, Attribute, Events, SumOf
from engine.matching import plan as plans
from engine.matching.interpreter import holds
from engine.matching.keys import key_of
from engine.matching.plan import Plan

TODAY = dt.date(2026, 3, 15)
SUM = SumOf(Attribute(Owner.EVENT, "seconds", DataType(Kind.NUMBER)), Events("visit", All(())), None)
LARGEST = sys.float_info.max
SUMS = (-math.inf, -LARGEST, 0.0, LARGEST, math.inf, None)
OPERANDS = (-math.inf, -(10**400), -LARGEST, 0.0, LARGEST, math.inf, 10**400)
ONE = ("equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal")
TWO = ("in", "not_in", "between", "not_between")


@pytest.mark.parametrize("few", [0, 64], ids=["batch", "rows"])
def test_sums_without_an_end_compare_as_the_reference_says(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "FEW_ROWS", few)
    some = [typed.Test(name, SUM, (operand,)) for name in ONE for operand in OPERANDS]
    some += [typed.Test(name, SUM, pair) for name in TWO for pair in itertools.product(OPERANDS, repeat=2)]
    column = pa.table({key_of(SUM): pa.array(SUMS, pa.float64())})
    matches = Plan(some).match_batch(column, TODAY)
    found = set(zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True))
    expected = {
        (row, rule)
        for row, value in enumerate(SUMS)
        for rule, test in enumerate(some)
        if holds(test, {key_of(SUM): value}, TODAY) is True
    }
    assert found == expected
