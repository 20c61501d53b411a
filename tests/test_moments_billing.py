"""Billing periods: their first days are the anchor plus n intervals, as dateutil adds them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from dateutil.relativedelta import relativedelta
from meter_world import RULESET

from dsl.catalog import LeapDay
from engine.moments.billing import billing_moment, billing_period, period_start

ANCHORS = [dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2023, 2, 28), dt.date(2024, 8, 30), dt.date(2025, 6, 1)]


def first_days(anchor: dt.date, months: int, leap_day: LeapDay) -> list[dt.date]:
    days = [anchor + relativedelta(months=months * n) for n in range(-80, 81)]
    if leap_day is LeapDay.MAR1 and months == 12 and (anchor.month, anchor.day) == (2, 29):
        days = [dt.date(day.year, 3, 1) if day.day == 28 else day for day in days]
    return days


@pytest.mark.parametrize("leap_day", LeapDay)
@pytest.mark.parametrize("months", [1, 12])
@pytest.mark.parametrize("anchor", ANCHORS, ids=str)
def test_every_day_is_in_the_period_that_began_last(anchor: dt.date, months: int, leap_day: LeapDay) -> None:
    starts = first_days(anchor, months, leap_day)
    for number in range(1600):
        day = dt.date(2022, 11, 1) + dt.timedelta(number)
        assert period_start(anchor, months, leap_day, day) == max(start for start in starts if start <= day), day


def test_a_month_s_end_comes_back_after_a_short_month() -> None:
    days = [dt.date(2025, 2, 27), dt.date(2025, 2, 28), dt.date(2025, 3, 30), dt.date(2025, 3, 31)]
    found = [period_start(dt.date(2024, 1, 31), 1, LeapDay.FEB28, day) for day in days]
    assert found == [dt.date(2025, 1, 31), dt.date(2025, 2, 28), dt.date(2025, 2, 28), dt.date(2025, 3, 31)]


def test_the_bill_is_the_moment_of_every_interval() -> None:
    moment = billing_moment(RULESET.catalog)
    assert moment is not None
    assert moment.name == "bill"
    few = {"half_yearly_bill": RULESET.catalog.moments["half_yearly_bill"]}
    found = billing_moment(replace(RULESET.catalog, moments=few))
    assert found is not None
    assert found.name == "half_yearly_bill"  # its date counts, not how many bills it skips
    held = {"started_on": "2025-01-31", "billing_interval": "month"}
    assert billing_period(found, held, dt.date(2026, 3, 15)) == dt.date(2026, 2, 28)


@pytest.mark.parametrize(
    "held",
    [
        {},
        {"started_on": "2025-01-20"},
        {"billing_interval": "month"},
        {"started_on": None, "billing_interval": "month"},
    ],
)
def test_what_is_not_known_makes_calendar_months(held: dict[str, str | None]) -> None:
    moment = billing_moment(RULESET.catalog)
    assert billing_period(moment, held, dt.date(2026, 3, 15)) == dt.date(2026, 3, 1)
    assert billing_period(None, {"started_on": "2025-01-20"}, dt.date(2026, 3, 15)) == dt.date(2026, 3, 1)
