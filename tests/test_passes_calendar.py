"""Calendars that change between passes, outages, and who comes too late: each occurrence once, none lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
from threading import Thread

import pytest
import sqlalchemy as sa

from dsl.datatypes import Money
from dsl.typed import Ruleset
from engine.moments.due import due_batch
from engine.passes import PassReport, run_pass, scheduled
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import counters, decisions, frontiers, missed, moves
from engine.store.zones import shard_of
from tests import world
from tests.torture.year import simulate

RULES = """
rule yearly on birthday say "hello" via in_app
rule monthly on billing_anniversary say "hello" via in_app
rule due on renewal say "hello" via in_app
"""
TOKYO, BERLIN, LOS_ANGELES = "Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles"


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class Shop:
    """A store, a clock that is set by hand, and one customer or a few."""

    def __init__(self, store: Store, rules: str = RULES) -> None:
        self.store, self.rules = store, world.ruleset(rules)

    def customer(self, at: str, key: str = "c1", **values: object) -> None:
        row = {"customer.id": key, **{f"customer.{name}": value for name, value in values.items()}}
        with self.store.write() as connection:
            put_customers(connection, self.rules.catalog, [row], utc(at))

    def subscription(self, at: str, started: str, interval: str = "month", **values: object) -> None:
        row = {
            "subscription.id": "s1",
            "customer.id": "c1",
            "subscription.status": "active",
            "subscription.started_on": dt.date.fromisoformat(started),
            "subscription.billing_interval": interval,
            **{f"subscription.{name}": value for name, value in values.items()},
        }
        with self.store.write() as connection:
            put_subscriptions(connection, self.rules.catalog, [row], utc(at))

    def at(self, text: str, rules: Ruleset | None = None) -> PassReport:
        return run_pass(self.store, rules or self.rules, utc(text))

    def decided(self) -> list[tuple[str, str]]:
        with self.store.read() as connection:
            rows = connection.execute(sa.select(decisions.c.rule, decisions.c.local_date).order_by(decisions.c.due_at))
            return [(rule, day.isoformat()) for rule, day in rows]

    def due(self) -> int:
        with self.store.read() as connection:
            return connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(counters.c.due), 0)))


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


BORN = dt.date(1990, 3, 15)


# --- zones -----------------------------------------------------------------------------------------------------------


def test_who_moves_west_after_the_hour_is_not_met_again(shop: Shop):
    shop.customer("2026-03-10 00:00", timezone=TOKYO, date_of_birth=BORN)
    shop.customer("2026-03-10 00:00", "c2", timezone=LOS_ANGELES)
    shop.at("2026-03-14 20:00")
    shop.at("2026-03-15 00:05")  # 09:05 in Tokyo
    shop.customer("2026-03-15 03:00", timezone=LOS_ANGELES, date_of_birth=BORN)
    for at in ("2026-03-15 04:00", "2026-03-15 16:05", "2026-03-16 16:05"):
        shop.at(at)
    assert shop.decided() == [("yearly", "2026-03-15")]
    assert shop.due() == 1


def test_who_moves_east_past_the_hour_is_met_at_once(shop: Shop):
    shop.customer("2026-03-10 00:00", timezone=LOS_ANGELES, date_of_birth=BORN)
    shop.customer("2026-03-10 00:00", "c2", timezone=TOKYO)
    shop.at("2026-03-14 20:00")
    shop.at("2026-03-15 00:05")  # the day is done in Tokyo
    shop.customer("2026-03-15 03:00", timezone=TOKYO, date_of_birth=BORN)
    shop.at("2026-03-15 03:01")
    assert shop.decided() == [("yearly", "2026-03-15")]
    for at in ("2026-03-15 16:05", "2026-03-16 00:05", "2026-03-16 16:05"):
        shop.at(at)
    assert shop.due() == 1


def test_who_moves_there_and_back_is_met_once(shop: Shop):
    shop.customer("2026-03-10 00:00", timezone=TOKYO, date_of_birth=BORN)
    shop.customer("2026-03-10 00:00", "c2", timezone=LOS_ANGELES)
    shop.at("2026-03-15 00:05")
    for hour, zone in ((1, LOS_ANGELES), (2, TOKYO), (3, BERLIN), (17, LOS_ANGELES), (18, TOKYO)):
        shop.customer(f"2026-03-15 {hour:02}:00", timezone=zone, date_of_birth=BORN)
        shop.at(f"2026-03-15 {hour:02}:30")
    assert shop.decided() == [("yearly", "2026-03-15")]
    assert shop.due() == 1


def test_a_zone_that_nobody_knew_is_met_on_its_first_day(shop: Shop):
    shop.customer("2026-03-10 00:00", timezone=TOKYO)
    shop.at("2026-03-15 06:00")
    shop.customer("2026-03-15 08:30", "c2", timezone=BERLIN, date_of_birth=BORN)
    shop.at("2026-03-15 08:31")  # 09:31 in Berlin
    assert shop.decided() == [("yearly", "2026-03-15")]


def test_a_catalog_that_moves_a_country_moves_its_customers(shop: Shop):
    shop.customer("2026-03-10 00:00", country="DE", date_of_birth=BORN)
    shop.customer("2026-03-10 00:00", "c2", timezone=LOS_ANGELES)
    shop.at("2026-03-14 20:00")
    shop.at("2026-03-15 08:05")  # 09:05 in Berlin
    zones = {"country_timezones": {"DE": LOS_ANGELES}}
    moved = dataclasses.replace(shop.rules, catalog=dataclasses.replace(shop.rules.catalog, **zones))
    for at in ("2026-03-15 10:00", "2026-03-15 16:05"):
        shop.at(at, moved)
    assert shop.decided() == [("yearly", "2026-03-15")]
    assert shop.due() == 1


def test_who_moves_on_before_the_zone_between_came_to_the_day_is_met(shop: Shop):
    """That the first move was looked at says nothing of a batch that was finished after the second."""
    shop.customer("2026-03-10 00:00", timezone=BERLIN, date_of_birth=BORN)
    shop.customer("2026-03-10 00:00", "c2", timezone=TOKYO)
    shop.customer("2026-03-10 00:00", "c3", timezone=LOS_ANGELES)
    shop.at("2026-03-15 00:05")  # the day is done in Tokyo
    shop.customer("2026-03-15 01:00", timezone=LOS_ANGELES, date_of_birth=BORN)
    shop.at("2026-03-15 01:05")
    shop.customer("2026-03-15 02:00", timezone=TOKYO, date_of_birth=BORN)
    for at in ("2026-03-15 16:05", "2026-03-16 16:05"):  # a pass after an outage finishes Los Angeles, too
        shop.at(at)
    assert shop.decided() == [("yearly", "2026-03-15")]
    assert shop.due() == 1


# --- anchors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "days"),
    [
        ("2025-05-20", ["2026-03-05", "2026-04-20"]),  # the same month once
        ("2025-05-19", ["2026-03-05", "2026-04-19"]),
        ("2025-05-04", ["2026-03-05", "2026-04-04"]),
        ("2025-05-06", ["2026-03-05", "2026-04-06"]),
    ],
)
def test_an_anchor_that_moves_in_the_month_gives_one_anniversary_in_it(shop: Shop, started: str, days: list[str]):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.subscription("2026-03-01 00:00", "2025-05-05")
    shop.at("2026-03-05 08:05")
    shop.subscription("2026-03-05 12:00", started)
    for n in range(60):
        run_pass(shop.store, shop.rules, utc("2026-03-05 13:00") + dt.timedelta(days=n))
    assert [day for _, day in shop.decided() if day < "2026-05-01"] == days


def test_an_anchor_that_was_true_for_no_pass_takes_nothing_away(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.subscription("2026-03-01 00:00", "2025-05-12")
    shop.at("2026-03-10 08:05")
    shop.subscription("2026-03-10 12:00", "2025-05-10")  # a day that is done
    shop.subscription("2026-03-10 12:01", "2025-05-14")
    for n in range(20):
        run_pass(shop.store, shop.rules, utc("2026-03-10 13:00") + dt.timedelta(days=n))
    assert [day for _, day in shop.decided()] == ["2026-03-14"]


def test_nothing_recurs_within_half_an_interval(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.subscription("2026-03-01 00:00", "2025-05-25")
    shop.at("2026-03-25 08:05")
    shop.subscription("2026-03-25 12:00", "2025-05-03")  # 3 April is nine days after
    for n in range(45):
        run_pass(shop.store, shop.rules, utc("2026-03-25 13:00") + dt.timedelta(days=n))
    assert [day for _, day in shop.decided()] == ["2026-03-25", "2026-05-03"]


def test_a_birthday_corrected_after_it_was_wished_is_not_wished_again(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN, date_of_birth=dt.date(1990, 3, 15))
    shop.at("2026-03-15 09:00")
    shop.customer("2026-03-15 12:00", timezone=BERLIN, date_of_birth=dt.date(1990, 5, 13))
    shop.at("2026-05-13 09:00")
    assert [day for _, day in shop.decided()] == ["2026-03-15"]


def test_monthly_billing_that_becomes_yearly_goes_by_the_shorter_interval(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.subscription("2026-03-01 00:00", "2025-04-05")
    shop.at("2026-03-05 08:05")
    shop.subscription("2026-03-05 12:00", "2025-04-05", "year")
    shop.at("2026-04-05 08:05")
    assert [day for _, day in shop.decided()] == ["2026-03-05", "2026-04-05"]


def test_a_renewal_that_is_moved_is_another_renewal(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.subscription("2026-03-01 00:00", "2026-02-20", renews_on=dt.date(2026, 3, 5))
    shop.at("2026-03-05 09:00")
    shop.subscription("2026-03-05 12:00", "2026-02-20", renews_on=dt.date(2026, 3, 7))
    shop.at("2026-03-07 09:00")
    assert shop.decided() == [("due", "2026-03-05"), ("due", "2026-03-07")]


# --- late data -------------------------------------------------------------------------------------------------------


def test_who_becomes_known_after_the_hour_is_still_met(shop: Shop):
    shop.customer("2026-03-10 00:00", "c2", timezone=BERLIN)
    shop.at("2026-03-15 09:00")
    shop.customer("2026-03-15 12:00", timezone=BERLIN, date_of_birth=BORN)
    shop.subscription("2026-03-15 12:00", "2026-01-15")
    shop.at("2026-03-15 12:01")
    assert sorted(shop.decided()) == [("monthly", "2026-03-15"), ("yearly", "2026-03-15")]
    shop.at("2026-03-15 12:02")
    assert shop.due() == 2


def test_who_becomes_known_a_week_after_is_not(shop: Shop):
    shop.customer("2026-03-10 00:00", "c2", timezone=BERLIN)
    shop.at("2026-03-15 09:00")
    shop.at("2026-03-22 09:00")
    shop.customer("2026-03-22 12:00", timezone=BERLIN, date_of_birth=BORN)
    shop.at("2026-03-22 12:01")
    assert shop.decided() == []


def test_a_new_subscription_does_not_bring_back_a_customers_own_moment(shop: Shop):
    shop.customer("2026-03-10 00:00", timezone=BERLIN, date_of_birth=BORN)
    shop.at("2026-03-15 09:00")
    shop.subscription("2026-03-15 12:00", "2026-01-20")
    shop.at("2026-03-15 12:01")
    assert shop.due() == 1


def test_what_moves_every_month_is_not_kept_for_ever(shop: Shop):
    """A renewal date moves with each bill; a zone that moved is kept, and what no moment hangs on never."""
    shop.customer("2026-03-01 00:00", timezone=BERLIN, date_of_birth=BORN)
    shop.subscription("2026-03-01 00:00", "2025-05-25", renews_on=dt.date(2026, 3, 3))
    shop.at("2026-03-01 09:00")
    for n in range(1, 4):
        day = dt.date(2026, 3, 3) + dt.timedelta(days=30 * n)
        shop.subscription(f"{day - dt.timedelta(days=5)} 00:00", "2025-05-25", renews_on=day)
        shop.at(f"{day} 09:00")
    shop.customer("2026-07-01 00:00", timezone=TOKYO, date_of_birth=BORN)
    shop.subscription("2026-07-01 00:00", "2025-05-25", renews_on=dt.date(2026, 8, 1), mrr=Money(900, "USD"))
    shop.at("2026-07-02 09:00")
    with shop.store.read() as connection:
        kept = connection.execute(sa.select(moves.c.owner, moves.c.lasting).order_by(moves.c.number)).all()
    assert ("customer", True) in kept
    assert len(kept) < 4


# --- outages ---------------------------------------------------------------------------------------------------------


def test_an_outage_is_the_ordinary_path(store: Store):
    shop = Shop(store, RULES.replace("via in_app", "via in_app catch up within 3 days"))
    shop.customer("2026-03-01 00:00", timezone=BERLIN, date_of_birth=BORN)
    shop.subscription("2026-03-01 00:00", "2025-03-16")
    shop.at("2026-03-14 09:00")
    report = shop.at("2026-03-18 08:30")
    assert shop.decided() == [("yearly", "2026-03-15"), ("monthly", "2026-03-16")][1:]
    assert report.total("missed") == 1  # the birthday was three days and half an hour ago
    with store.read() as connection:
        found = connection.execute(sa.select(missed)).one()
        assert (found.rule, found.local_date, found.reason, found.occurrences) == (
            "yearly",
            dt.date(2026, 3, 15),
            "too_late",
            1,
        )
        assert connection.scalar(sa.select(frontiers.c.local_date)) == dt.date(2026, 3, 18)


def test_the_first_pass_owes_nothing_to_the_past(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN, date_of_birth=BORN)
    shop.subscription("2026-03-01 00:00", "2025-03-16")
    report = shop.at("2026-03-18 08:30")
    assert report.total("due") == 0


def test_a_rule_that_is_published_after_its_hour_begins_with_the_next_day(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN, date_of_birth=dt.date(1990, 3, 18))
    shop.customer("2026-03-01 00:00", "c2", timezone=BERLIN, date_of_birth=dt.date(1990, 3, 19))
    shop.at("2026-03-18 08:30", world.without(shop.rules, "yearly"))
    shop.at("2026-03-18 12:00")
    assert shop.decided() == []
    shop.at("2026-03-19 08:30")
    assert shop.decided() == [("yearly", "2026-03-19")]


def test_a_pass_with_nothing_to_do_writes_nothing(shop: Shop):
    shop.customer("2026-03-01 00:00", timezone=BERLIN)
    shop.at("2026-03-18 08:30")
    again = shop.at("2026-03-18 08:31")
    assert again.pass_id is None


def test_three_weeks_of_outages_and_changes_are_what_the_oracle_finds(store: Store):
    figures = simulate(store, days=14, seed=11, size=25)
    assert min(figures["decided"], figures["missed"], figures["changes"]) > 10


@pytest.mark.parametrize("asked", ["after", "before"])
def test_who_moves_while_a_batch_is_looking_is_met_once(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch, asked: str
):
    """Somebody moves the customer west after the batch knew the newest change, before or after it reads who is due."""
    rules = world.ruleset('rule wish on birthday say "Happy birthday!" via in_app')
    person = {"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28), "customer.timezone": "Europe/Berlin"}
    beside = [
        {"customer.id": f"n{zone}", "customer.timezone": zone} for zone in ("Europe/Berlin", "America/Los_Angeles")
    ]
    world.put(store, rules, world.World([person, *beside], []), utc("2026-02-26 12:00"))
    run_pass(store, rules, utc("2026-02-27 20:00"))
    moving: list[Thread] = []

    def move() -> None:
        mine = open_store(database_url)
        moved = world.World([person | {"customer.timezone": "America/Los_Angeles"}], [])
        world.put(mine, rules, moved, utc("2026-02-28 09:00"))
        mine.close()

    def due_while_moving(*arguments, **options):
        found = due_batch(*arguments, **options) if asked == "after" or moving else None
        if not moving and arguments[5] == shard_of("c1"):
            moving.append(Thread(target=move))
            moving[0].start()
            moving[0].join(0.3)
        return due_batch(*arguments, **options) if found is None else found

    monkeypatch.setattr(scheduled, "due_batch", due_while_moving)
    for hour in ("2026-02-28 09:30", "2026-02-28 17:30", "2026-03-01 17:30"):
        run_pass(store, rules, utc(hour))
        moving[0].join()
    with store.read() as connection:
        assert connection.scalars(sa.select(decisions.c.subject)).all() == ["c1"]
        assert connection.scalar(sa.select(sa.func.sum(counters.c.due))) == 1
