"""The status: one report, as golden text of a bad night, and the sentence of each state."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from engine.cli.watching import show
from engine.clock_hold import hold_clock
from engine.lease import TERM, acquire
from engine.pauses import EVERYTHING, pause
from engine.reports.status import Status, Zone, status
from engine.reports.status_wording import lines, sentence
from engine.store.database_clock import database_now
from engine.store.events import Event, put_events
from engine.store.inserts import insert_values
from engine.store.session import Store
from engine.store.tables import frontiers, missed, passes, workers
from engine.workers import TICK
from tests import world

GOLDEN = Path(__file__).parent / "golden" / "status.txt"
NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)  # 18:00 in New York, already 1 March in Tokyo
DAY = dt.date(2026, 2, 28)
MINUTE = dt.timedelta(minutes=1)
RULES = world.ruleset()


def bad_night(store: Store) -> None:
    born = {"customer.date_of_birth": dt.date(1990, 2, 28)}
    people = [
        {"customer.id": "c1", **born},
        {"customer.id": "c2", **born},
        {"customer.id": "c3", "customer.timezone": "Europe/Berlin", "customer.date_of_birth": dt.date(1990, 3, 1)},
        {"customer.id": "c4", "customer.timezone": "Asia/Tokyo"},
    ]
    held = {
        "subscription.id": "s1",
        "customer.id": "c1",
        "subscription.status": "active",
        "subscription.renews_on": DAY + dt.timedelta(days=7),
    }
    world.put(store, RULES, world.World(people, [held]), NOW)
    counts = {"due": 41, "offered": 5, "held": 2, "missed": 7}
    a_pass = {"kind": "tick", "as_of": DAY, "started_at": NOW - MINUTE, "ruleset": "r"}
    a_miss = {"moment": "birthday", "offset": 0, "reason": "too_late"}
    with store.write() as connection:
        visit = Event("v1", "website_visit", "c1", NOW - 5 * MINUTE, {"page": "/pricing"})
        put_events(connection, RULES.catalog, [visit], NOW)
        connection.execute(passes.insert().values(**a_pass, finished_at=NOW, summary=counts))
        insert_values(
            connection,
            frontiers,
            [
                {"zone": "America/New_York", "local_date": DAY},
                {"zone": "Europe/Berlin", "local_date": DAY - dt.timedelta(days=3)},
            ],
        )
        insert_values(
            connection,
            missed,
            [
                {"rule": "wishes", "local_date": DAY - dt.timedelta(days=2), "pass_id": 1, "occurrences": 3, **a_miss},
                {"rule": "wishes", "local_date": DAY - dt.timedelta(days=2), "pass_id": 2, "occurrences": 4, **a_miss},
                {"rule": "wishes", "local_date": DAY - dt.timedelta(days=9), "pass_id": 1, "occurrences": 9, **a_miss},
            ],
        )
        worker = {"started_at": NOW - 60 * MINUTE}
        insert_values(
            connection,
            workers,
            [
                {"id": "a", "place": "carpe scheduler on one, process 7", "beat_at": NOW - MINUTE / 4, **worker},
                {"id": "b", "place": "carpe scheduler on two, process 8", "beat_at": NOW - MINUTE / 2, **worker},
                {"id": "c", "place": "carpe serve on three, process 9", "beat_at": NOW - 40 * MINUTE, **worker},
            ],
        )
        acquire(connection, "a")
        pause(connection, "renew", "the discount is wrong", NOW - 30 * MINUTE)


def read(store: Store, now: dt.datetime = NOW) -> Status:
    with store.read() as connection:
        return status(connection, RULES, now)


def test_a_bad_night_reads_like_this(store: Store) -> None:
    bad_night(store)
    out = StringIO()
    show(Console(file=out, soft_wrap=True, highlight=False), read(store))
    assert out.getvalue() == GOLDEN.read_text()


def test_programs_read_the_same(store: Store) -> None:
    bad_night(store)
    told = json.loads(json.dumps(read(store).to_json()))
    assert (told["state"], told["lag"]) == ("ok", 3)
    assert told["next_tick"] == (NOW - MINUTE / 4 + TICK).isoformat()
    assert told["works"]["id"] == "a"
    assert {zone["name"]: zone["lag"] for zone in told["zones"]} == {
        "America/New_York": 0,
        "Asia/Tokyo": None,
        "Europe/Berlin": 3,
    }
    assert {(each["moment"], each["offset"]): each["count"] for each in told["due_today"]} == {
        ("birthday", 0): 3,
        ("renewal", -7): 1,
    }
    assert told["events_waiting"] == 1
    assert told["missed"] == [
        {"rule": "wishes", "moment": "birthday", "local_date": "2026-02-26", "reason": "too_late", "occurrences": 7}
    ]
    assert told["pauses"] == [
        {"rule": "renew", "since": "2026-02-28T22:30:00+00:00", "reason": "the discount is wrong"}
    ]


def test_each_state_is_one_sentence_that_says_what_to_do(store: Store) -> None:
    assert sentence(read(store)) == "No scheduler runs; `carpe scheduler` or `carpe serve` starts one."
    bad_night(store)
    assert sentence(read(store)) == "Carpe decides, and is 3 days behind."
    assert sentence(read(store, NOW + 3 * MINUTE)).startswith("No scheduler has given a sign of life for 3 minutes;")
    with store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices.", NOW)
    assert sentence(read(store)) == "Everything is paused (wrong prices); `carpe resume` goes on."
    with store.write() as connection:
        hold_clock(connection, "The clock was set back by 5 hours.", NOW)
    assert sentence(read(store)) == (
        "Nothing is decided: the clock is suspect. The clock was set back by 5 hours. "
        "`carpe resume --accept-clock` goes on."
    )


def test_nobody_works_once_the_lease_is_over(store: Store) -> None:
    with store.write() as connection:
        acquire(connection, "a", lambda asked: database_now(asked) - TERM)
    found = read(store)
    assert (found.works, found.next_tick) == (None, None)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "through 2026-02-28 in z0"),
        (5, "through 2026-02-28 in z0, z1, z2, z3 and z4"),
        (300, "through 2026-02-28 in z0, z1, z2, z3 and 296 more zones"),
    ],
)
def test_many_zones_are_counted(store: Store, count: int, told: str) -> None:
    zones = [Zone(f"z{number}", DAY, DAY, 0) for number in range(count)]
    assert dict(lines(replace(read(store), zones=zones)))["Done"] == told
