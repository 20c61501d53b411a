"""Where forms of matching once differed, or nearly: permanent cases, each a file of tests/golden/agreement."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agreement_cases import FOLDER, Case, decoded, encoded, load, save
from tests.strategies import DAYS, conditions, make_rows

CASES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_form_still_says_the_same(path: Path) -> None:
    said = load(path).answers()
    assert len(set(said.values())) == 1, said


def test_there_are_cases() -> None:
    assert CASES


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(DAYS))
def test_a_case_is_read_as_it_was_written(data: st.DataObject, today: dt.date) -> None:
    condition = data.draw(conditions(today, computing=True))
    assert decoded(encoded(condition)) == condition
    row = make_rows(1, today, data.draw(st.integers(0, 999)))[0]
    assert decoded(encoded(row)) == row
    assert str(decoded(encoded(-0.0))) == "-0.0"


def test_a_difference_is_written_down_with_no_more_of_the_row_than_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = load(CASES[0])
    monkeypatch.setattr(Case, "answers", lambda self: {"a": True, "b": "customer.country" not in self.row})
    wide = Case(case.today, case.condition, {"customer.country": "NO", "subscription.discount": Decimal(20)})
    assert wide.differs()
    assert wide.smallest().row == {"customer.country": "NO"}
    assert load(save(wide, tmp_path)) == wide
