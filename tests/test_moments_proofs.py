"""The calendar standard over years of days and every zone; `make torture` proves it for longer.

What an oracle is and how it asks is told in tests/torture/calendar.py.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
import whenever

from dsl.catalog import AttributeDeclaration, Catalog, Moment, MomentKind, Owner, Policies, Recurs
from dsl.datatypes import DataType, Kind, Value
from dsl.typed import MomentUse
from engine.moments.calendar import due_instant, due_instants, occurrence_key
from engine.moments.due import due_batch
from engine.store.ingest.values import Refused, plausible
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from tests.conftest import make_tables
from tests.torture.calendar import (
    DAY,
    EPOCH,
    RHYTHMS,
    START_DAYS,
    Rhythm,
    at_hour,
    changes_near,
    days_between,
    every_zone,
    first_shown,
    midnight,
    offset_at,
    prove_around_changes,
    prove_instants,
    prove_occurrences,
    seconds_of,
)

# --- occurrences -----------------------------------------------------------------------------------------------------

MONTH_ENDS = [day for day in START_DAYS if day.day >= 28 and (day.month, day.year) in ((1, 2023), (2, 2023), (2, 2024))]


@pytest.mark.parametrize("rhythm", RHYTHMS, ids=lambda r: f"{r.every}-{r.recurs}-{r.leap_day}")
def test_four_years_of_start_days_recur_for_48_months_as_both_oracles_say(rhythm: Rhythm) -> None:
    starts = START_DAYS if rhythm.months else START_DAYS[::29]  # of weeks, any seven days are like any others
    found = sum(prove_occurrences(rhythm, start, every_day=False) for start in starts)
    at_least = 48 // rhythm.months if rhythm.months else 48 * 4 // rhythm.weeks
    assert found >= len(starts) * (at_least - 1)


@pytest.mark.parametrize("rhythm", RHYTHMS, ids=lambda r: f"{r.every}-{r.recurs}-{r.leap_day}")
def test_no_other_day_of_48_months_has_an_occurrence(rhythm: Rhythm) -> None:
    assert sum(prove_occurrences(rhythm, start, every_day=True) for start in MONTH_ENDS) > 0


def test_a_changed_interval_stays_on_the_days_of_the_anchor() -> None:
    """Who goes over from months to years, or back, meets no day that is not a monthly anniversary of the start."""
    billing = Moment("m", MomentKind.RECURRING, Owner.SUBSCRIPTION, "since", Recurs.BILLING_INTERVAL)
    for start in (dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2024, 8, 30)):
        days = days_between(start, start + 1500 * DAY)
        by_month = {day: key for day in days if (key := occurrence_key(billing, start, "month", day))}
        by_year = {day: key for day in days if (key := occurrence_key(billing, start, "year", day))}
        assert by_year.keys() < by_month.keys()
        assert all(by_month[day].startswith(f"{key}-") for day, key in by_year.items())
        assert len(by_year) == 4


# --- instants --------------------------------------------------------------------------------------------------------

FOUR_YEARS = days_between(dt.date(2022, 1, 1), dt.date(2025, 12, 31))  # of the past: no later rule changes them


@pytest.mark.parametrize("at", [dt.time(0), dt.time(2, 30)], ids=str)
def test_every_day_of_four_years_in_every_zone(at: dt.time) -> None:
    zones, walls = every_zone(), at_hour(FOUR_YEARS, at)
    assert len(zones) * len(FOUR_YEARS) > 700_000
    skipped = {zone: prove_instants(zone, FOUR_YEARS, walls, at) for zone in zones}
    assert 0 < sum(map(bool, skipped.values())) < len(zones)
    assert skipped["UTC"] == 0
    assert skipped["America/New_York"] == (4 if at.hour else 0)
    assert skipped["Africa/Cairo"] == (0 if at.hour else 3)


ODDITIES = [
    ("America/Sao_Paulo", 2015, 2019, 8),  # midnight is skipped
    ("Africa/Casablanca", 2016, 2025, 23),  # the clock goes back for Ramadan
    ("Asia/Gaza", 2019, 2024, 10),  # midnight and a minute
    ("Australia/Lord_Howe", 2022, 2026, 8),  # half an hour
    ("Antarctica/Troll", 2022, 2026, 8),  # two hours
    ("Pacific/Apia", 2010, 2022, 23),  # 30 December 2011 is not there
    ("Pacific/Kwajalein", 1993, 1994, 1),  # nor here 21 August 1993
    ("Africa/Monrovia", 1972, 1973, 1),  # 44 minutes and a half
    ("America/Caracas", 2007, 2017, 2),  # half an hour back, and on again years later
    ("Asia/Pyongyang", 2015, 2019, 2),
    ("America/St_Johns", 2010, 2013, 6),  # at a minute past midnight
    ("America/Scoresbysund", 2023, 2025, 3),  # offset and rule change in one night
]


@pytest.mark.parametrize(("zone", "first", "last", "changes"), ODDITIES, ids=[zone for zone, *_ in ODDITIES])
def test_every_quarter_of_an_hour_around_odd_changes(zone: str, first: int, last: int, changes: int) -> None:
    found, hours = prove_around_changes(zone, dt.date(first, 1, 2), dt.date(last, 1, 2))
    assert (found, hours) == (changes, changes * 3 * 96)


@pytest.mark.parametrize(
    ("zone", "on"),
    [
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Pacific/Apia", "2011-12-30"),
        ("Australia/Lord_Howe", "2026-04-05"),
    ],
)
def test_the_oracle_is_what_a_clock_shows_minute_by_minute(zone: str, on: str) -> None:
    start = seconds_of(midnight(dt.date.fromisoformat(on))) - 26 * 3600
    shown = [(second, second + offset_at(zone, second)) for second in range(start, start + 76 * 3600, 60)]
    for minutes in range(0, 24 * 60, 7):
        [wall] = at_hour([dt.date.fromisoformat(on)], dt.time(minutes // 60, minutes % 60))
        watched = next(second for second, clock in shown if clock >= wall.assume_utc().timestamp())
        assert first_shown(zone, wall, changes_near(zone, wall)) == watched


@pytest.mark.parametrize(
    ("zone", "never", "begins"),
    [
        ("Pacific/Apia", dt.date(2011, 12, 30), "2011-12-30T10:00+00:00"),
        ("Pacific/Kwajalein", dt.date(1993, 8, 21), "1993-08-21T12:00+00:00"),
        ("Pacific/Kiritimati", dt.date(1994, 12, 31), "1994-12-31T10:00+00:00"),
    ],
)
def test_a_day_that_a_zone_never_had_is_met_as_the_next_begins(zone: str, never: dt.date, begins: str) -> None:
    next_begins = dt.datetime.fromisoformat(begins)
    for at in (dt.time(0), dt.time(9), dt.time(23, 59)):
        before, skipped, after = due_instants([never - DAY, never, never + DAY], at, zone)
        assert before < skipped == next_begins <= after
    assert due_instant(never + DAY, dt.time(0), zone) == next_begins


# --- days as the store meets them ------------------------------------------------------------------------------------

RENEWAL = Moment("renewal", MomentKind.DATED, Owner.SUBSCRIPTION, "renews_on")
MONTHLY = Moment("monthly", MomentKind.RECURRING, Owner.SUBSCRIPTION, "renews_on", Recurs.MONTH)
FORTNIGHTLY = Moment("fortnightly", MomentKind.RECURRING, Owner.SUBSCRIPTION, "renews_on", Recurs.WEEK, 2)
CATALOG = Catalog(
    currency="USD",
    timezone="UTC",
    subscription={"renews_on": AttributeDeclaration("renews_on", Owner.SUBSCRIPTION, DataType(Kind.DATE))},
    moments={moment.name: moment for moment in (RENEWAL, MONTHLY, FORTNIGHTLY)},
    policies=Policies(send_at=dt.time(2, 30)),
)
RENEWS_ON = {"America/New_York": dt.date(2026, 3, 12), "Europe/Berlin": dt.date(2026, 3, 31)}
WALK = days_between(dt.date(2026, 2, 20), dt.date(2026, 5, 10))  # the clock changes in both, three weeks apart


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    database = tmp_path_factory.mktemp("proofs") / "carpe.db"
    make_tables(database)
    opened = open_store(f"sqlite:///{database}")
    people: list[dict[str, Value]] = [{"customer.id": zone, "customer.timezone": zone} for zone in RENEWS_ON]
    held: list[dict[str, Value]] = [
        {"customer.id": zone, "subscription.id": zone, "subscription.renews_on": day} for zone, day in RENEWS_ON.items()
    ]
    with opened.write() as connection:
        put_customers(connection, CATALOG, people, EPOCH)
        put_subscriptions(connection, CATALOG, held, EPOCH)
    yield opened
    opened.close()


def walked(store: Store, use: MomentUse) -> dict[tuple[str, str], tuple[dt.date, dt.datetime]]:
    """Day by day: the local day and the instant of each customer's occurrences, none of which comes twice."""
    found: dict[tuple[str, str], tuple[dt.date, dt.datetime]] = {}
    with store.read() as connection:
        for day in WALK:
            for row in due_batch(connection, CATALOG, use, day, None, None, ()).to_pylist():
                assert (row["customer"], row["occurrence"]) not in found
                found[row["customer"], row["occurrence"]] = (day, row["due_at"])
    return found


@pytest.mark.parametrize("offset", [-14, -7, -1, 0, 1, 10])
def test_offsets_count_local_days_across_clock_changes_and_keep_the_name(store: Store, offset: int) -> None:
    found = walked(store, MomentUse("renewal", offset))
    assert {whose for whose, _ in found} == RENEWS_ON.keys()
    for (zone, key), (day, due) in found.items():
        renews_on = RENEWS_ON[zone]
        assert key == f"renewal:{renews_on}"
        assert (day - renews_on).days == offset
        wall = whenever.PlainDateTime(day.year, day.month, day.day, 2, 30)
        assert seconds_of(due) == first_shown(zone, wall, changes_near(zone, wall))


def test_every_nth_and_changed_offsets_name_the_same_occurrences(store: Store) -> None:
    exact, early = walked(store, MomentUse("monthly")), walked(store, MomentUse("monthly", -7))
    both = exact.keys() & early.keys()
    assert both
    assert all(exact[one][0] - early[one][0] == 7 * DAY for one in both)
    assert Counter(zone for zone, _ in exact) == {"America/New_York": 1, "Europe/Berlin": 1}
    days = sorted(day for (zone, _), (day, _) in walked(store, MomentUse("fortnightly")).items() if zone[0] == "A")
    assert days == [dt.date(2026, 3, 26), dt.date(2026, 4, 9), dt.date(2026, 4, 23), dt.date(2026, 5, 7)]
    assert all(later - earlier == 14 * DAY for earlier, later in itertools.pairwise(days))


@pytest.mark.parametrize("offset", [-3, 0, 2])
def test_a_day_of_the_calendar_is_each_customers_own(store: Store, offset: int) -> None:
    named = dt.date(2026, 3, 29)
    found = walked(store, MomentUse(str(named), offset, named))
    assert found.keys() == {(zone, "2026-03-29") for zone in RENEWS_ON}
    assert {day for day, _ in found.values()} == {named + offset * DAY}
    assert len({due for _, due in found.values()}) == 2


@pytest.mark.parametrize("day", [dt.date(1970, 1, 1), dt.date(1899, 12, 31), dt.date(2201, 1, 1), dt.date.min])
def test_a_date_that_nobody_means_is_refused(day: dt.date) -> None:
    with pytest.raises(Refused, match=r"1970-01-01|absurdly"):
        plausible(day)


@pytest.mark.parametrize("day", ["1970-01-02", "1969-12-31", "1900-01-01", "2200-12-31"])
def test_the_days_beside_it_are_taken(day: str) -> None:
    assert plausible(dt.date.fromisoformat(day)).isoformat() == day
