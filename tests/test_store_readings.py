"""Readings and crossings: once a level, meter and billing period, at the reading that crossed it.

The oracle is a state machine in plain Python that goes by the help's words: decimals for shares, dateutil for months.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from meter_world import RULESET, settle, subscription
from sqlalchemy import select

from dsl.catalog import Catalog, Meter
from dsl.products import Product
from engine.store.events import Fault
from engine.store.forget import forget
from engine.store.meters import Reading
from engine.store.quotas import quota_of
from engine.store.readings import Became, Told, put_readings
from engine.store.session import Store, open_store
from engine.store.state import put_subscriptions
from engine.store.tables import events, readings
from tests.conftest import make_tables

CATALOG = RULESET.catalog
NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def metered(tmp_path: Path) -> Iterator[Store]:
    """On SQLite: what is one reading's own is the same for every database; the oracle runs on both."""
    make_tables(tmp_path / "carpe.db")
    opened = open_store(f"sqlite:///{tmp_path / 'carpe.db'}")
    settle(opened, [("anna", "Europe/Berlin")], [subscription("s1", "anna")], NOW)
    yield opened
    opened.close()


def tell(store: Store, *batch: Reading, now: dt.datetime = NOW, **more: Any) -> Told:
    with store.write() as connection:
        return put_readings(connection, CATALOG, batch, now, **more)


def read(used: float, ago: dt.timedelta = HOUR, meter: str = "uploads", of: str = "s1") -> Reading:
    return Reading(of, meter, NOW - ago, used)


def recorded(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(events.c.id).order_by(events.c.occurred_at, events.c.id)))


def kept(store: Store) -> dict[tuple[str, str, dt.datetime], tuple[float, float | None]]:
    with store.read() as connection:
        rows = connection.execute(select(readings)).all()
    return {(row.subscription_id, row.meter, row.read_at): (row.used, row.quota) for row in rows}


# --- one reading -----------------------------------------------------------------------------------------------------


def test_a_crossing_is_an_event_with_all_that_rules_may_read(metered: Store) -> None:
    told = tell(metered, read(70.0, 2 * HOUR), read(85.0))
    assert told.became == (Became.NEW, Became.NEW)
    assert [(one.index, one.event.moment, one.met) for one in told.crossings] == [
        (1, "usage_alert", True),
        (1, "nearly", True),
    ]
    with metered.read() as connection:
        alert = connection.execute(select(events).where(events.c.moment == "usage_alert")).one()
    assert (alert.source, alert.id) == ("meter", "s1:usage_alert:uploads:80:2026-02-28")
    assert (alert.customer_id, alert.subscription_id, alert.occurred_at) == ("anna", "s1", NOW - HOUR)
    assert alert.properties == {"meter": "uploads", "level": "80", "used": 85.0, "quota": 100.0}
    assert alert.state == "pending"


def test_levels_crossed_at_once_are_events_of_one_instant(metered: Store) -> None:
    told = tell(metered, read(130.0))
    assert {(one.event.moment, one.event.properties["level"]) for one in told.crossings} == {
        ("nearly", Decimal("72.5")),
        ("usage_alert", Decimal(80)),
        ("usage_alert", Decimal(100)),
    }
    assert {one.event.occurred_at for one in told.crossings} == {NOW - HOUR}


@pytest.mark.parametrize(
    ("used", "levels"),
    [
        (0.271, []),
        (0.271875, ["72.5"]),  # exactly 72.5% of 0.375
        (0.29999999999999993, ["72.5"]),
        (0.3, ["72.5", "80"]),  # 0.3 / 0.375 in binary is not 0.8
        (0.375, ["100", "72.5", "80"]),
    ],
)
def test_shares_are_exact(metered: Store, used: float, levels: list[str]) -> None:
    tell(metered, read(used, meter="storage"))
    assert sorted(key.split(":")[3] for key in recorded(metered)) == levels


def test_add_ons_widen_the_quota(metered: Store) -> None:
    with metered.write() as connection:
        held = subscription("s1", "anna", addons=frozenset({"more"}))
        put_subscriptions(connection, CATALOG, [held], NOW)
    assert tell(metered, read(119.0, 2 * HOUR)).crossings[0].event.properties["quota"] == 150.0
    assert [one.event.properties["level"] for one in tell(metered, read(120.0)).crossings] == [Decimal(80)]


@pytest.mark.parametrize(("plan", "meter"), [(None, "uploads"), ("bare", "uploads"), ("small", "visits")])
def test_without_a_quota_nothing_is_crossed(metered: Store, plan: str | None, meter: str) -> None:
    with metered.write() as connection:
        put_subscriptions(connection, CATALOG, [subscription("s1", "anna", plan)], NOW)
    assert tell(metered, read(1e300, meter=meter)).became == (Became.NEW,)
    assert recorded(metered) == []
    assert [quota for _, quota in kept(metered).values()] == [None]


# --- again, older, corrected -----------------------------------------------------------------------------------------


def test_the_same_reading_again_changes_nothing(metered: Store) -> None:
    tell(metered, read(85.0))
    before = kept(metered), recorded(metered)
    again = tell(metered, read(85.0), read(85.0), now=NOW + HOUR)
    assert (again.became, again.crossings) == ((Became.SAME, Became.SAME), ())
    assert (kept(metered), recorded(metered)) == before


def test_an_older_reading_changes_nothing(metered: Store) -> None:
    tell(metered, read(10.0))
    told = tell(metered, read(85.0, 2 * HOUR))
    assert (told.became, told.crossings) == ((Became.OLDER,), ())
    assert len(kept(metered)) == 1


def test_readings_told_together_are_taken_by_time(metered: Store) -> None:
    told = tell(metered, read(85.0), read(70.0, 2 * HOUR))
    assert told.became == (Became.NEW, Became.NEW)
    assert {one.index for one in told.crossings} == {0}


def test_a_correction_down_and_up_again_fires_once(metered: Store) -> None:
    tell(metered, read(85.0))
    fired = recorded(metered)
    assert tell(metered, read(60.0)).became == (Became.CORRECTED,)
    assert tell(metered, read(86.0)).became == (Became.CORRECTED,)
    tell(metered, read(60.0, HOUR / 2))
    tell(metered, read(90.0, HOUR / 4))
    assert recorded(metered) == fired
    assert kept(metered)["s1", "uploads", NOW - HOUR][0] == 86.0


def test_a_correction_up_past_a_level_crosses_it(metered: Store) -> None:
    """It is compared with the reading before it, not with what it corrects."""
    tell(metered, read(75.0, 3 * HOUR), read(60.0, 2 * HOUR))
    assert [one.event.properties["level"] for one in tell(metered, read(82.0, 2 * HOUR)).crossings] == [Decimal(80)]


@pytest.mark.parametrize("apart", [True, False])
def test_a_gauge_corrected_under_what_it_read_before_is_no_crossing(metered: Store, apart: bool) -> None:
    """85 stood before; 90 then is above the level already, corrected or not."""
    first = [read(0.34, 90 * DAY, "storage"), read(0.2, 3 * HOUR, "storage"), read(0.34, 3 * HOUR, "storage")]
    for batch in [[one] for one in first] if apart else [first]:
        tell(metered, *batch)
    assert [key.rpartition(":")[2] for key in recorded(metered)] == ["2025-11-30", "2025-11-30"]


def test_what_a_plan_includes_adds_to_its_quota_once() -> None:
    meter = Meter("storage", "GB", "gauge", quota_from="plan")
    more = {name: Product(name, name, adds={"storage": Decimal(size)}) for name, size in (("a", 5), ("b", 7))}
    plan = Product("p", "P", quota={"storage": Decimal(100)}, includes=("a",))
    catalog = Catalog("USD", "UTC", meters={"storage": meter}, plans={"p": plan}, addons=more)
    assert [quota_of(catalog, "p", held, "storage") for held in ((), ("a",), ("b",))] == [105, 105, 112]


def test_a_correction_keeps_the_quota_of_its_time(metered: Store) -> None:
    tell(metered, read(10.0))
    with metered.write() as connection:
        put_subscriptions(connection, CATALOG, [subscription("s1", "anna", "large")], NOW)
    assert {one.event.properties["quota"] for one in tell(metered, read(85.0)).crossings} == {100.0}
    assert kept(metered)["s1", "uploads", NOW - HOUR] == (85.0, 100.0)
    assert tell(metered, read(90.0, HOUR / 2)).became == (Became.NEW,)
    assert kept(metered)["s1", "uploads", NOW - HOUR / 2] == (90.0, 1000.0)


# --- periods ---------------------------------------------------------------------------------------------------------


def test_a_reset_opens_the_next_period(metered: Store) -> None:
    """28 February is the period's first day in Berlin: 23:30 UTC the day before is in it."""
    local = dt.datetime(2026, 2, 28, tzinfo=ZoneInfo("Europe/Berlin"))
    for at in (local - HOUR / 2, local + HOUR / 2):
        tell(metered, Reading("s1", "uploads", at, 85.0))
    starts = [key.rpartition(":")[2] for key in recorded(metered) if "usage_alert" in key]
    assert starts == ["2026-01-31", "2026-02-28"]


def test_a_gauge_goes_on_over_the_end_of_a_period(metered: Store) -> None:
    tell(metered, read(0.34, 40 * DAY, "storage"))
    assert len(recorded(metered)) == 2
    assert tell(metered, read(0.35, HOUR, "storage")).crossings == ()
    tell(metered, read(0.1, HOUR / 2, "storage"))
    assert len(tell(metered, read(0.35, HOUR / 3, "storage")).crossings) == 2  # another period: again


@pytest.mark.parametrize("missing", ["started_on", "billing_interval"])
def test_without_anchor_or_interval_the_month_is_the_period(metered: Store, missing: str) -> None:
    held = subscription("s1", "anna")
    del held[f"subscription.{missing}"]
    with metered.write() as connection:
        put_subscriptions(connection, CATALOG, [held], NOW)
    tell(metered, read(85.0))
    assert {key.rpartition(":")[2] for key in recorded(metered)} == {"2026-03-01"}


# --- refusals and times ----------------------------------------------------------------------------------------------


BAD = [
    (read(-0.5), Fault.UNREADABLE, "used"),
    (read(float("nan")), Fault.UNREADABLE, "used"),
    (read(float("inf")), Fault.UNREADABLE, "used"),
    (read(1.0, meter="water"), Fault.UNKNOWN_METER, "meter"),
    (read(1.0, of="s9"), Fault.UNKNOWN_SUBSCRIPTION, "subscription"),
    (read(1.0, -dt.timedelta(minutes=5, seconds=1)), Fault.FUTURE, "read_at"),
    (Reading("s1", "uploads", dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 1.0), Fault.TOO_OLD, "read_at"),
    (Reading("s1", "uploads", dt.datetime(1066, 1, 1, tzinfo=dt.UTC), 1.0), Fault.TOO_OLD, "read_at"),
]


def test_what_is_refused(metered: Store) -> None:
    told = tell(metered, read(85.0, 2 * HOUR), *(bad for bad, _, _ in BAD), read(101.0))
    assert told.became == (Became.NEW, *[Became.REFUSED] * len(BAD), Became.NEW)
    refused = sorted((one.index, one.fault, one.column) for one in told.refusals)
    assert refused == [(at, fault, column) for at, (_, fault, column) in enumerate(BAD, 1)]
    assert len(kept(metered)) == 2
    assert {one.index for one in told.crossings} == {0, len(BAD) + 1}


def test_a_crossing_told_late_is_history(metered: Store) -> None:
    told = tell(metered, read(85.0, DAY + dt.timedelta(microseconds=1)), read(85.0, DAY, "storage"))
    assert {(one.index, one.met) for one in told.crossings} == {(0, False), (1, True)}
    more = tell(metered, read(101.0, DAY / 2), now=NOW + DAY, catch_up={"usage_alert": 2 * DAY})
    assert [one.met for one in more.crossings] == [True]


def test_a_dry_run_says_the_same_and_writes_nothing(metered: Store) -> None:
    batch = [read(70.0, 3 * HOUR), read(85.0), read(70.0, 3 * HOUR), read(-1.0)]
    said = tell(metered, *batch, dry=True)
    assert (kept(metered), recorded(metered)) == ({}, [])
    assert tell(metered, *batch) == said


def test_an_id_as_long_as_can_be_has_its_crossings(store: Store) -> None:
    names = ["s" * 199 + end for end in "ab"]
    settle(store, [("anna", "UTC")], [subscription(name, "anna") for name in names], NOW)
    tell(store, *(read(85.0, of=name) for name in names))
    assert len(set(recorded(store))) == 4
    assert all(len(key) <= 200 for key in recorded(store))


def test_a_person_is_forgotten_with_what_their_meters_read(metered: Store) -> None:
    settle(metered, [("bob", "UTC")], [subscription("s2", "bob")], NOW)
    tell(metered, read(85.0), read(85.0, of="s2"))
    with metered.write() as connection:
        assert forget(connection, "anna").counts["readings"] == 1
    assert {key[0] for key in kept(metered)} == {"s2"}


# --- many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 60])
def test_many_tell_the_same_crossing(store: Store, size: int) -> None:
    """Each tells its own reading of the same meters, all above the level: one fires for each meter."""
    names = [f"s{number}" for number in range(size)]
    settle(store, [("anna", "UTC")], [subscription(name, "anna", "small") for name in names], NOW)
    batches = [[read(80.0 + side, HOUR - side * HOUR / 10, of=name) for name in names] for side in range(4)]
    with ThreadPoolExecutor(4) as pool:
        told = [*pool.map(lambda batch: tell(store, *batch), batches)]
    assert sum(len(one.crossings) for one in told) == 2 * size
    assert len(recorded(store)) == 2 * size
    assert max(key[2] for key in kept(store)) == NOW - HOUR + 3 * HOUR / 10


def test_who_tells_at_the_same_time_is_heard_in_turn(store: Store) -> None:
    """High long ago, then low and high again: told by two, the low one is kept and the level passed, or neither."""
    names = [f"s{number}" for number in range(8)]
    settle(store, [("anna", "UTC")], [subscription(name, "anna") for name in names], NOW)
    tell(store, *(read(0.34, 90 * DAY, "storage", name) for name in names))
    batches = [[read(used, ago, "storage", name)] for name in names for used, ago in ((0.1, 2 * HOUR), (0.35, HOUR))]
    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda batch: tell(store, *batch), batches)]
    for low, high in zip(told[::2], told[1::2], strict=True):
        assert len(high.crossings) == (2 if low.became == (Became.NEW,) else 0)


# --- the oracle ------------------------------------------------------------------------------------------------------


@dataclass
class Oracle:
    """One meter of one subscription. `seen` is (instant, used, quota), oldest first."""

    zone: str
    anchor: dt.date | None
    months: int | None
    resets: bool
    seen: list[tuple[dt.datetime, Decimal, Decimal | None]] = field(default_factory=list)
    starts: list[dt.date] = field(default_factory=list)

    def period(self, at: dt.datetime) -> dt.date:
        day = at.astimezone(ZoneInfo(self.zone)).date()
        if self.anchor is None or self.months is None:
            return dt.date(day.year, day.month, 1)
        self.starts = self.starts or [self.start(n) for n in range(-8, 30)]
        return max(start for start in self.starts if start <= day)

    def start(self, n: int) -> dt.date:
        assert self.anchor is not None
        assert self.months is not None
        day = self.anchor + relativedelta(months=n * self.months)
        leaps = self.months == 12 and self.anchor.day == 29 and self.anchor.month == 2
        return day + relativedelta(days=1) if leaps and day.day == 28 else day  # the catalog says mar1

    def tell(self, at: dt.datetime, used: Decimal, quota: Decimal | None) -> Iterator[tuple[str, str, dt.date]]:
        """(moment, level, period) of what the reading crosses, were it for the first time."""
        if self.seen and at < self.seen[-1][0]:
            return
        if self.seen and at == self.seen[-1][0]:
            if self.seen[-1][1] == used:
                return
            quota = self.seen.pop()[2]
        period = self.period(at)
        before = Decimal(0)
        if self.seen and (not self.resets or self.period(self.seen[-1][0]) == period):
            before = _percent(self.seen[-1][1], self.seen[-1][2])
        self.seen.append((at, used, quota))
        for moment, level in (("nearly", "72.5"), ("usage_alert", "80"), ("usage_alert", "100")):
            if quota and before < Decimal(level) <= _percent(used, quota):
                yield moment, level, period


def _percent(used: Decimal, quota: Decimal | None) -> Decimal:
    return used * 100 / quota if quota else Decimal(0)


PEOPLE = [("pa", "Asia/Tokyo"), ("la", "America/Los_Angeles"), ("be", "Europe/Berlin")]
ANCHORS = [dt.date(2025, 1, 31), dt.date(2024, 2, 29), dt.date(2025, 11, 30), dt.date(2026, 1, 1), None]
QUOTAS = {"small": ("0.375", "100"), "large": ("3", "1000"), "bare": (None, None)}
MORE = ("0.1", "50")


def test_the_store_crosses_as_the_oracle_does(store: Store) -> None:
    rng = random.Random(store.dialect)
    owners = {f"s{n}": rng.choice(PEOPLE) for n in range(8)}
    terms = {key: (rng.choice(ANCHORS), rng.choice(["month", "month", "year", None])) for key in owners}
    plans: dict[str, tuple[str, bool]] = dict.fromkeys(owners, ("small", False))
    settle(store, PEOPLE, [_held(key, owners[key][0], terms[key], plans[key]) for key in owners], NOW - 200 * DAY)
    oracles = {
        (key, meter): Oracle(
            owners[key][1], terms[key][0], {"month": 1, "year": 12, None: None}[terms[key][1]], meter == "uploads"
        )
        for key in owners
        for meter in ("storage", "uploads")
    }
    expected: dict[str, tuple[dt.datetime, Decimal, Decimal, str]] = {}
    start = dt.datetime(2026, 1, 20, 4, tzinfo=dt.UTC)
    for step in range(36):
        now = start + step * DAY * 2
        if step % 3 == 2:
            plans |= {key: (rng.choice(list(QUOTAS)), rng.random() < 0.3) for key in rng.sample(list(owners), 3)}
            with store.write() as connection:
                held = [_held(key, owners[key][0], terms[key], plans[key]) for key in owners]
                put_subscriptions(connection, CATALOG, held, now)
        batch = [_reading(rng, key, meter, now) for key, meter in rng.choices(list(oracles), k=rng.randint(1, 14))]
        tell(store, *batch, now=now)
        for one in sorted(batch, key=lambda reading: reading.read_at):
            used, quota = Decimal(str(one.used)), _quota(plans[one.subscription_id], one.meter)
            for moment, level, period in oracles[one.subscription_id, one.meter].tell(one.read_at, used, quota):
                state = "pending" if now - one.read_at <= DAY else "history"
                name = f"{one.subscription_id}:{moment}:{one.meter}:{level}:{period}"
                asked = oracles[one.subscription_id, one.meter].seen[-1][2]
                assert asked is not None
                expected.setdefault(name, (one.read_at, used, asked, state))
    with store.read() as connection:
        rows = connection.execute(select(events)).all()
    assert len(expected) > 40
    assert expected == {
        row.id: (
            row.occurred_at,
            Decimal(str(row.properties["used"])),
            Decimal(str(row.properties["quota"])),
            row.state,
        )
        for row in rows
    }
    assert {
        (key, meter, at): (float(used), None if quota is None else float(quota))
        for (key, meter), oracle in oracles.items()
        for at, used, quota in oracle.seen
    } == kept(store)


def _held(key: str, customer: str, terms: tuple[dt.date | None, str | None], plan: tuple[str, bool]) -> dict[str, Any]:
    row = subscription(key, customer, plan[0], addons=frozenset({"more"} if plan[1] else ()))
    given: dict[str, Any] = {"subscription.started_on": terms[0], "subscription.billing_interval": terms[1]}
    return {name: value for name, value in (row | given).items() if value is not None}


def _reading(rng: random.Random, key: str, meter: str, now: dt.datetime) -> Reading:
    at = now - rng.choice([0, 1, 1, 2, 4, 5]) * DAY / 2 + rng.choice([0, 0, 11, 11.5, 16]) * HOUR
    share = rng.choice(["0.1", "0.5", "0.72", "0.725", "0.79", "0.8", "0.8", "0.9", "1", "1.3", "5"])
    base = QUOTAS[rng.choice(["small", "small", "large"])][meter == "uploads"]
    return Reading(key, meter, min(at, now), float(Decimal(share) * Decimal(base or "1")))


def _quota(plan: tuple[str, bool], meter: str) -> Decimal | None:
    which = meter == "uploads"
    base = QUOTAS[plan[0]][which]
    return None if base is None else Decimal(base) + (Decimal(MORE[which]) if plan[1] else 0)
