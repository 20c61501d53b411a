"""The calendar standard, against python-dateutil for dates and `whenever` for instants."""

from __future__ import annotations

import datetime as dt
import importlib.resources
import itertools

import pytest
import whenever
from dateutil.relativedelta import relativedelta

from dsl.catalog import LeapDay, Moment, MomentKind, Owner, Recurs
from engine.moments.calendar import (
    anchors,
    day_cutoff,
    due_instant,
    event_key,
    full_months,
    interval_of,
    month_cutoff,
    occurrence_key,
)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def days_between(first: str, last: str) -> list[dt.date]:
    start, end = day(first).toordinal(), day(last).toordinal()
    return [dt.date.fromordinal(ordinal) for ordinal in range(start, end + 1)]


def recurring(recurs: Recurs, *, every: int = 1, leap_day: LeapDay = LeapDay.FEB28) -> Moment:
    return Moment("m", MomentKind.RECURRING, Owner.SUBSCRIPTION, "started_on", recurs, every, leap_day)


# --- elapsed time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "on", "months"),
    [
        ("2024-01-31", "2024-02-28", 0),
        ("2024-01-31", "2024-02-29", 1),
        ("2023-01-31", "2023-02-28", 1),
        ("2023-01-31", "2023-02-27", 0),
        ("2023-01-31", "2023-03-30", 1),
        ("2023-01-31", "2023-03-31", 2),
        ("2024-02-29", "2025-02-28", 12),
        ("2024-02-29", "2025-02-27", 11),
        ("2024-02-29", "2028-02-28", 47),
        ("2024-03-15", "2024-03-15", 0),
        ("2024-03-15", "2024-03-14", -1),
        ("2024-12-31", "2025-01-01", 0),
    ],
)
def test_full_months(start: str, on: str, months: int) -> None:
    assert full_months(day(start), day(on)) == months


def test_full_months_counts_the_anniversaries_that_dateutil_finds() -> None:
    for start in days_between("2023-01-28", "2024-03-02"):
        found = [start + relativedelta(months=n) for n in range(1, 30)]
        for on in days_between("2024-03-02", "2025-05-01"):
            assert full_months(start, on) == sum(anniversary <= on for anniversary in found)


def test_month_cutoff_is_the_latest_start_with_so_many_months() -> None:
    starts = days_between("2020-01-01", "2025-03-31")
    for on in days_between("2023-12-27", "2025-03-31"):
        months = [full_months(start, on) for start in starts if start <= on]
        for asked in (0, 1, 2, 11, 12, 13, 24, 36):
            latest = max(start for start, counted in zip(starts, months, strict=False) if counted >= asked)
            assert month_cutoff(on, asked) == latest
        assert all(earlier >= later for earlier, later in itertools.pairwise(months))


def test_cutoffs_before_the_first_year_are_none() -> None:
    assert month_cutoff(day("2024-05-31"), 2023 * 12 + 4) == dt.date(1, 1, 31)
    assert month_cutoff(day("2024-05-31"), 2023 * 12 + 5) is None
    assert month_cutoff(day("2024-05-31"), 10**30) is None
    assert day_cutoff(dt.date(1, 1, 3), 2) == dt.date(1, 1, 1)
    assert day_cutoff(dt.date(1, 1, 3), 3) is None


# --- occurrences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 3, 5, 12, 18, 24])
def test_monthly_occurrences_over_four_years_are_dateutils(every: int) -> None:
    moment = recurring(Recurs.MONTH, every=every)
    for anchor in days_between("2023-12-25", "2024-03-05") + days_between("2022-12-28", "2023-03-02"):
        expected = {anchor + relativedelta(months=n) for n in range(every, 48 + 1, every)}
        window = days_between(anchor.isoformat(), (anchor + relativedelta(months=48)).isoformat())
        assert {on for on in window if occurrence_key(moment, anchor, None, on)} == expected


def test_31_january_comes_back_to_the_31st() -> None:
    moment = recurring(Recurs.MONTH)
    window = days_between("2023-01-31", "2023-06-30")
    found = [on.isoformat() for on in window if occurrence_key(moment, day("2023-01-31"), None, on)]
    assert found == ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30"]


@pytest.mark.parametrize(
    ("leap_day", "birthdays"),
    [
        (LeapDay.FEB28, ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29", "2025-02-28"]),
        (LeapDay.MAR1, ["2021-03-01", "2022-03-01", "2023-03-01", "2024-02-29", "2025-03-01"]),
    ],
)
def test_29_february_birthdays(leap_day: LeapDay, birthdays: list[str]) -> None:
    moment = recurring(Recurs.YEAR, leap_day=leap_day)
    window = days_between("2020-02-29", "2026-01-01")
    found = {on.isoformat(): occurrence_key(moment, day("2020-02-29"), None, on) for on in window}
    assert {on: key for on, key in found.items() if key} == {on: f"m:{on[:4]}" for on in birthdays}


def test_leap_day_moves_nobody_but_those_of_29_february() -> None:
    moment = recurring(Recurs.YEAR, leap_day=LeapDay.MAR1)
    assert occurrence_key(moment, day("2020-02-28"), None, day("2023-02-28")) == "m:2023"
    assert occurrence_key(moment, day("2020-03-01"), None, day("2023-03-01")) == "m:2023"
    monthly = recurring(Recurs.MONTH, leap_day=LeapDay.MAR1)
    assert occurrence_key(monthly, day("2020-02-29"), None, day("2023-02-28")) == "m:2023-02"


def test_every_second_year_from_29_february() -> None:
    moment = recurring(Recurs.YEAR, every=2, leap_day=LeapDay.MAR1)
    window = days_between("2020-02-29", "2027-01-01")
    found = [on.isoformat() for on in window if occurrence_key(moment, day("2020-02-29"), None, on)]
    assert found == ["2022-03-01", "2024-02-29", "2026-03-01"]


def test_weekly_keys_are_iso_weeks() -> None:
    moment = recurring(Recurs.WEEK)
    assert occurrence_key(moment, day("2026-02-05"), None, day("2026-02-12")) == "m:2026-W07"
    assert occurrence_key(moment, day("2026-02-05"), None, day("2026-02-13")) is None
    assert occurrence_key(moment, day("2023-12-25"), None, day("2024-12-30")) == "m:2025-W01"
    assert occurrence_key(recurring(Recurs.WEEK, every=2), day("2026-02-05"), None, day("2026-02-12")) is None


@pytest.mark.parametrize(
    ("interval", "on", "key"),
    [
        ("month", "2025-04-30", "m:2025-04"),
        ("year", "2025-04-30", None),
        ("year", "2026-03-31", "m:2026"),
        ("month", "2026-03-31", "m:2026-03"),
        ("fortnight", "2026-03-31", None),
        (None, "2026-03-31", None),
        ("month", "2025-03-31", None),
    ],
)
def test_billing_anniversaries_follow_the_billing_interval(interval: str | None, on: str, key: str | None) -> None:
    assert occurrence_key(recurring(Recurs.BILLING_INTERVAL), day("2025-03-31"), interval, day(on)) == key


def test_dated_and_event_keys() -> None:
    renewal = Moment("renewal", MomentKind.DATED, Owner.SUBSCRIPTION, "renews_on")
    assert occurrence_key(renewal, day("2026-05-01"), None, day("2026-05-01")) == "renewal:2026-05-01"
    assert occurrence_key(renewal, day("2026-05-01"), None, day("2026-05-02")) is None
    assert event_key("download", "web", "a:1") == "download:web:a:1"


# --- the constants of the gate ---------------------------------------------------------------------------------------

MOMENTS = [
    recurring(recurs, every=every, leap_day=leap_day)
    for recurs in (Recurs.WEEK, Recurs.MONTH, Recurs.YEAR)
    for every in (1, 2, 3, 8)
    for leap_day in LeapDay
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda m: f"{m.recurs}-{m.every}-{m.leap_day}")
def test_the_gate_lets_every_occurrence_pass_and_no_other_day_of_the_month(moment: Moment) -> None:
    interval = interval_of(moment, None)
    assert interval is not None
    on_days = days_between("2023-02-26", "2023-03-02") + days_between("2024-02-27", "2024-03-02")
    on_days += days_between("2024-04-29", "2024-05-01") + days_between("2024-12-30", "2025-01-01")
    for on in on_days:
        gate = anchors(moment, interval, on)
        for anchor in days_between("2021-12-28", "2024-04-01"):
            passes = gate.weekday in (None, anchor.weekday())
            passes = passes and (gate.days is None or anchor.day in gate.days)
            passes = passes and (gate.months is None or anchor.month in gate.months)
            passes = passes and (gate.month_days is None or (anchor.month, anchor.day) in gate.month_days)
            key = occurrence_key(moment, anchor, None, on)
            assert passes or key is None
            if moment.every == 1:
                assert passes == (key is not None) or anchor >= on


# --- instants --------------------------------------------------------------------------------------------------------


def zones() -> list[str]:
    names = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return [name for name in names if name not in ("Factory", "localtime")]


def first_valid_instant(on: dt.date, at: dt.time, zone: str) -> dt.datetime:
    """The same rule told by `whenever`: ask for the time; if it was skipped, walk to the end of the gap."""
    wall = whenever.PlainDateTime(on.year, on.month, on.day, at.hour, at.minute)
    try:
        return wall.assume_tz(zone, disambiguation="raise").to_instant().to_stdlib()
    except whenever.RepeatedTime:
        return wall.assume_tz(zone, disambiguation="earlier").to_instant().to_stdlib()
    except whenever.SkippedTime:
        low = wall.assume_tz(zone, disambiguation="earlier").to_instant().timestamp()
        high = wall.assume_tz(zone, disambiguation="later").to_instant().timestamp()
        offset = whenever.Instant.from_timestamp(high).to_tz(zone).offset
        while high - low > 1:
            middle = (low + high) // 2
            if whenever.Instant.from_timestamp(middle).to_tz(zone).offset == offset:
                high = middle
            else:
                low = middle
        return dt.datetime.fromtimestamp(high, dt.UTC)


TIMES = [dt.time(0), dt.time(2), dt.time(2, 30), dt.time(9), dt.time(23, 59)]
DATES = ["2025-03-09", "2025-03-30", "2025-10-05", "2025-10-26", "2025-11-02", "2026-04-05", "2025-06-15"]
DATES += ["2018-11-04", "2011-12-30", "2019-09-08", "2024-03-31"]


def test_due_instants_of_every_zone_are_whenevers() -> None:
    for zone in zones():
        for on in DATES:
            for at in TIMES:
                assert due_instant(day(on), at, zone) == first_valid_instant(day(on), at, zone), (zone, on, at)


@pytest.mark.parametrize(
    ("on", "at", "zone", "utc"),
    [
        ("2026-03-15", dt.time(9), "America/New_York", "2026-03-15T13:00"),
        ("2026-03-08", dt.time(2, 30), "America/New_York", "2026-03-08T07:00"),  # 02:00 to 03:00 is skipped
        ("2026-11-01", dt.time(1, 30), "America/New_York", "2026-11-01T05:30"),  # comes twice
        ("2018-11-04", dt.time(0), "America/Sao_Paulo", "2018-11-04T03:00"),  # midnight is skipped
        ("2011-12-30", dt.time(9), "Pacific/Apia", "2011-12-30T10:00"),  # the whole day is skipped
        ("2026-10-04", dt.time(2, 15), "Australia/Lord_Howe", "2026-10-03T15:30"),  # half an hour is skipped
    ],
)
def test_due_instants_at_clock_changes(on: str, at: dt.time, zone: str, utc: str) -> None:
    assert due_instant(day(on), at, zone) == dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)


def test_due_instants_keep_fractions_of_a_second() -> None:
    at = dt.time(9, 0, 0, 250)
    assert due_instant(day("2026-03-15"), at, "UTC").microsecond == 250
    skipped = due_instant(day("2026-03-08"), dt.time(2, 30, 0, 250), "America/New_York")
    assert skipped == dt.datetime(2026, 3, 8, 7, tzinfo=dt.UTC)
