"""Quiet hours end by the customer's clock, whatever the clock does meanwhile; local times are those of Python."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.contact_policies import QuietHours
from engine.contacts.local_time import local, offsets
from engine.contacts.quiet import open_from

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MINUTE, HOUR = 60_000_000, 3_600_000_000
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")


def instant(text: str, zone: str = "UTC") -> int:
    """A local time as microseconds of Unix time; of a repeated one the first."""
    return (dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - EPOCH) // MICROSECOND


def moment(at: int) -> dt.datetime:
    return EPOCH + at * MICROSECOND


@pytest.mark.parametrize(
    ("zone", "hours", "due", "when"),
    [
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T19:59", "2026-01-10T19:59+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T20:00", "2026-01-11T08:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T07:59", "2026-01-10T08:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T08:00", "2026-01-10T08:00+01:00"),
        ("Europe/Berlin", ("13:00", "15:00"), "2026-01-10T14:00", "2026-01-10T15:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-03-28T22:00", "2026-03-29T08:00+02:00"),  # the night has 11 hours
        ("Europe/Berlin", ("20:00", "08:00"), "2026-10-24T22:00", "2026-10-25T08:00+01:00"),  # and here 13
        ("Europe/Berlin", ("20:00", "02:30"), "2026-03-28T22:00", "2026-03-29T03:00+02:00"),  # the end is skipped
        ("Europe/Berlin", ("20:00", "02:30"), "2026-10-24T22:00", "2026-10-25T02:30+02:00"),  # the first of two ends
        ("Pacific/Apia", ("20:00", "08:00"), "2011-12-29T21:00", "2011-12-31T08:00+14:00"),  # a day that never was
    ],
)
def test_quiet_hours_end_by_the_customers_clock(zone: str, hours: tuple[str, str], due: str, when: str) -> None:
    quiet = QuietHours(*map(dt.time.fromisoformat, hours))
    found = open_from(np.array([instant(due, zone)]), np.array([0]), (zone,), quiet)
    assert moment(int(found[0])).astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") == when


def test_a_clock_that_goes_back_begins_quiet_hours_again() -> None:
    """At 02:10 for the second time it is quiet again until 02:30, though 02:30 was before."""
    hours = QuietHours(dt.time(20), dt.time(2, 30))
    second = instant("2026-10-25T02:10", "Europe/Berlin") + HOUR
    found = open_from(np.array([second]), np.array([0]), ("Europe/Berlin",), hours)
    assert found[0] - second == 20 * MINUTE


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2011-12-30"]),
    st.integers(-1500, 1500),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
def test_quiet_hours_against_a_walk_by_the_minute(zone: str, day: str, minutes: int, start: int, length: int) -> None:
    end = (start + length) % 1440
    hours = QuietHours(dt.time(start // 60, start % 60), dt.time(end // 60, end % 60))
    at = walked = instant(f"{day}T00:00") + minutes * MINUTE
    while _is_quiet(moment(walked).astimezone(ZoneInfo(zone)), start, length):
        walked += MINUTE
    assert open_from(np.array([at]), np.array([0]), (zone,), hours).tolist() == [walked]


def _is_quiet(shown: dt.datetime, start: int, length: int) -> bool:
    """Counted from the start round the clock."""
    return (shown.hour * 60 + shown.minute - start) % 1440 < length


def test_every_row_has_its_own_zone() -> None:
    at = np.array([instant("2026-01-10T22:00")] * 3)
    hours = QuietHours(dt.time(20), dt.time(8))
    found = open_from(at, np.array([2, 0, 1]), ZONES, hours)
    assert [(one - at[0]) // HOUR for one in found.tolist()] == [0, 10, 9]


@given(st.sampled_from(["Africa/Casablanca", *ZONES]), st.integers(0, 2_100_000_000))
def test_local_times_are_those_of_python(zone: str, second: int) -> None:
    shown = local(np.array([second * 1_000_000]), np.array([0]), (zone,))[0]
    expected = dt.datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=dt.UTC)
    assert moment(int(shown)) == expected


def test_changes_are_found_to_the_second() -> None:
    found = offsets("Europe/Berlin", instant("2026-01-01T00:00"), instant("2026-01-02T00:00"))
    changes = [moment(int(one)).isoformat() for one in found.since[1:3]]
    assert changes == ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]
    assert (found.offset[1:4] // HOUR).tolist() == [2, 1, 2]
