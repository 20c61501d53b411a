"""Cases of published specifications (tests/golden/published_cases.yaml): every form says what they say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from dsl import typed
from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Unit, Value
from dsl.typed import All, AnyOf, Attribute, Condition, Elapsed
from engine.matching.interpreter import holds
from tests.agreement_cases import Case

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "published_cases.yaml").read_text()
)
TODAY = dt.date(2026, 3, 15)
STARTED = Attribute(Owner.SUBSCRIPTION, "started_on", DataType(Kind.DATE))
LEFT, RIGHT = (Attribute(Owner.CUSTOMER, name, DataType(Kind.FLAG)) for name in ("left", "right"))
SEATS = Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))


def require(condition: Condition, row: dict[str, Value | None], is_true: bool | None, today: dt.date = TODAY) -> None:
    present = {key: value for key, value in row.items() if value is not None}
    assert holds(condition, present, today) is is_true
    assert set(Case(today, condition, present).answers().values()) == {is_true is True}


@pytest.mark.parametrize("case", CASES["years_and_months"], ids=str)
def test_whole_months_between_two_dates(case: dict[str, Any]) -> None:
    months = Elapsed(STARTED, Unit.MONTHS)
    for asked in (case["months"] - 1, case["months"], case["months"] + 1):
        same = None if "ours" in case else asked == case["months"]
        require(typed.Test("equal", months, (asked,)), {STARTED.key: case["from"]}, same, case["to"])


@pytest.mark.parametrize(("name", "made"), [("and", All), ("or", AnyOf)])
def test_connectives_with_what_is_missing(name: str, made: type[All] | type[AnyOf]) -> None:
    both = made(tuple(typed.Test("is_true", side, ()) for side in (LEFT, RIGHT)))
    for case in CASES[name]:
        require(both, {LEFT.key: case["left"], RIGHT.key: case["right"]}, case["is"])
        denied = None if case["is"] is None else not case["is"]
        require(typed.Not(both), {LEFT.key: case["left"], RIGHT.key: case["right"]}, denied)


@pytest.mark.parametrize("case", CASES["between"], ids=str)
def test_ranges_hold_their_ends(case: dict[str, Any]) -> None:
    require(typed.Test("between", SEATS, (case["low"], case["high"])), {SEATS.key: case["value"]}, case["is"])
