"""Windows as constants hold exactly what windows are: asked of instants all around every edge, in difficult zones."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from dsl.catalog import Owner
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind
from dsl.typed import All, Attribute, Events, SumOf, Window
from dsl.typed import Test as Asked
from engine.happenings.spans import TICK, span
from engine.matching.history import History
from engine.matching.keys import key_of
from engine.matching.plan import Plan

EDGES = (
    ("America/St_Johns", dt.date(2006, 10, 29)),  # at 00:01 the clock went back to 23:01 of the day before
    ("America/Sao_Paulo", dt.date(2018, 11, 4)),  # there was no midnight
    ("Atlantic/Azores", dt.date(2026, 10, 25)),  # midnight came twice, an hour apart, on one date
    ("Pacific/Apia", dt.date(2011, 12, 30)),  # there was no such day
    ("Africa/Cairo", dt.date(2026, 4, 24)),
    ("Asia/Kathmandu", dt.date(2024, 2, 29)),
    ("America/New_York", dt.date(2026, 3, 8)),
)


@pytest.mark.parametrize(("zone", "day"), EDGES, ids=[zone for zone, _ in EDGES])
def test_a_window_by_the_calendar_begins_with_the_first_instant_of_its_first_day(zone: str, day: dt.date) -> None:
    """Where it says that it is exact it has exactly the window's instants, and else at least all of them."""
    month = Window(1, TimeUnit.MONTHS)
    exact = []
    for days in range(29, 33):
        at = dt.datetime.combine(day + dt.timedelta(days), dt.time(9), ZoneInfo(zone))
        found, past = span(month, at, zone), History(at, ZoneInfo(zone))
        edge = dt.datetime.combine(day, dt.time(), dt.UTC)
        near = [edge + dt.timedelta(minutes=m) for m in range(-40 * 60, 40 * 60, 15)]
        for instant in (near_one + shift for near_one in near for shift in (-TICK, dt.timedelta(0), TICK)):
            inside = found.after < instant <= found.upto
            assert inside or not past.within(instant, month), instant
            assert inside == past.within(instant, month) or not found.exact, instant
        exact.append(found.exact)
    assert all(exact) == (zone != "America/St_Johns")


@pytest.mark.parametrize("unit", [TimeUnit.HOURS, TimeUnit.DAYS, TimeUnit.WEEKS, TimeUnit.MONTHS, TimeUnit.YEARS])
def test_a_window_longer_than_the_calendar_is_ever(unit: TimeUnit) -> None:
    at = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
    assert span(Window(10**9, unit), at, "Asia/Tokyo") == span(None, at, "Asia/Tokyo")


# --- sums of money in columns ----------------------------------------------------------------------------------------

SUM = SumOf(Attribute(Owner.EVENT, "amount", DataType(Kind.MONEY)), Events("purchase", All(())), "USD")


def test_sums_of_money_are_compared_exactly_beyond_64_bits() -> None:
    sums = [
        Decimal(text) for text in ("0", "-1", "922337203685477.5807", "922337203685477.5808", "1e19", "-1e19", "3e30")
    ]
    points = [*sums, Decimal("1e16"), Decimal("18446744073709551616")]
    plan = Plan([Asked(operator, SUM, (point,)) for operator in ("greater", "equal", "less") for point in points])
    for some in (sums, sums[:3]):
        column = pa.array([*some] * 30, pa.decimal128(38, 4))
        matches = plan.match_batch(pa.table({key_of(SUM): column}), dt.date(2026, 3, 15))
        told = [[s > p for p in points] + [s == p for p in points] + [s < p for p in points] for s in some]
        assert list(zip(*matches.to_pydict().values(), strict=True)) == list(zip(*np.nonzero(told * 30), strict=True))
