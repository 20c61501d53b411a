"""Readings over HTTP: what becomes of each is told, what they cross is decided once, bad ones are refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from web_world import CATALOG, FILES, World, open_world

from engine.pauses import EVERYTHING, pause
from engine.store.tables import decisions, events, readings

METERS = """\
meters:
  storage: {unit: GB, kind: gauge, quota_from: plan}
moments:
  usage_alert:         {crosses: [80%, 100%], of: quota}
"""

ALERTS = """\
rule alert
  on usage_alert
  where level >= 80%
  say "{{ level }} of {{ meter }} is used."
  via in_app
rule late
  on website_visit
  say "Welcome back."
  via in_app
  catch up within 3 days
"""

PROGRAM = {
    "catalog.yaml": CATALOG.replace("moments:\n", METERS).replace("{rank: 0,", "{rank: 0, quota: {storage: 100},"),
    "alerts.rules": ALERTS,
}
READING: dict[str, Any] = {
    "subscription": "s-1",
    "meter": "storage",
    "read_at": "2026-03-15T19:55:00+02:00",
    "used": 85,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path, FILES | PROGRAM) as world:
        yield world


def count(world: World, table: Any) -> int:
    with world.store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def test_a_reading_tells_what_it_crosses(world: World) -> None:
    answer = world.program().post("/readings", READING)
    assert answer.status_code == 201
    assert answer.json == {
        "subscription": "s-1",
        "meter": "storage",
        "waiting": None,
        "state": "new",
        "crossings": [
            {
                "id": "s-1:usage_alert:storage:80:2026-03-15",
                "moment": "usage_alert",
                "level": "80%",
                "used": 85.0,
                "quota": 100.0,
                "counts_as": "moment",
                "decisions": None,
            }
        ],
    }


def test_a_reading_is_told_and_decided_once(world: World) -> None:
    program = world.program()
    first = program.post("/readings?decide=true", READING)
    again = program.post("/readings?decide=true", READING | {"read_at": "2026-03-15T17:55:00Z"})
    assert (first.status_code, again.status_code, again.json["state"]) == (201, 200, "same")
    assert first.json["crossings"] == again.json["crossings"]
    [decision] = first.json["crossings"][0]["decisions"]
    assert (decision["rule"], decision["result"], decision["customer"]) == ("alert", "said", "c-1")
    assert (count(world, events), count(world, decisions), count(world, readings)) == (1, 1, 1)


def test_deciding_may_come_later(world: World) -> None:
    program = world.program()
    program.post("/readings", READING)
    assert len(program.post("/readings?decide=true", READING).json["crossings"][0]["decisions"]) == 1


def test_levels_passed_at_once_are_one_occasion(world: World) -> None:
    """Two events, one contact: the other is held because the first won."""
    answer = world.program().post("/readings?decide=true", READING | {"used": 130})
    found = [each["decisions"] for each in answer.json["crossings"]]
    assert [len(lines) for lines in found] == [1, 1]
    assert sorted(lines[0]["result"] for lines in found) == ["held", "said"]


def test_a_list_is_taken_by_time_and_answered_in_its_order(world: World) -> None:
    batch = [
        READING | {"read_at": "2026-03-15T17:30:00Z", "used": 101},
        READING | {"read_at": "2026-03-15T17:10:00Z", "used": 50},
        READING | {"subscription": "nobody"},
        READING | {"read_at": "2026-03-15T17:20:00Z"},
        READING | {"meter": "storag", "read_at": "2026-03-15T17:00:00Z"},
        {"meter": "storage"},
        READING | {"read_at": "2026-03-15T17:20:00Z"},
        7,
    ]
    answer = world.program().post("/readings?decide=true", batch)
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [each["status"] for each in results] == [201, 201, 404, 201, 422, 422, 200, 422]
    levels = [[one["level"] for one in (each["recorded"] or {"crossings": []})["crossings"]] for each in results]
    assert levels == [["100%"], [], [], ["80%"], [], [], ["80%"], []]
    assert results[4]["problem"]["reason"].endswith("did you mean storage?")
    assert (count(world, events), count(world, readings)) == (2, 3)


def test_a_late_crossing_is_told_as_history(world: World) -> None:
    answer = world.program().post("/readings?decide=true", READING | {"read_at": "2026-03-14T17:59:59Z"})
    [crossing] = answer.json["crossings"]
    assert (crossing["counts_as"], crossing["decisions"]) == ("history", [])


def test_what_an_event_is_goes_by_the_most_patient_rule(world: World) -> None:
    program = world.program()
    for moment, hours, counts_as in (
        ("website_visit", 72, "moment"),
        ("website_visit", 73, "history"),
        ("usage_alert", 24, "moment"),
        ("usage_alert", 25, "history"),
    ):
        at = world.times[0] - dt.timedelta(hours=hours)
        body = {"source": "shop", "id": f"{moment}-{hours}", "moment": moment, "customer": "c-1"}
        body |= {"subscription": "s-1", "occurred_at": at.isoformat()}
        answers = [program.post("/events", body) for _ in range(2)]
        assert [each.json["counts_as"] for each in answers] == [counts_as, counts_as]


def test_an_event_a_little_ahead_of_the_clock_is_decided_where_asked(world: World) -> None:
    at = world.times[0] + dt.timedelta(minutes=5)
    body = {"source": "shop", "id": "e", "moment": "website_visit", "customer": "c-1", "occurred_at": at.isoformat()}
    body["properties"] = {"page": "/pricing"}  # type: ignore[assignment]
    answer = world.program().post("/events?decide=true", body)
    assert (answer.status_code, answer.json["counts_as"]) == (201, "moment")
    assert {each["rule"] for each in answer.json["decisions"]} == {"late", "pricing_page"}


REFUSED: list[tuple[Any, int, str | None]] = [
    ({key: value for key, value in READING.items() if key != "used"}, 422, "used"),
    (READING | {"used": -1}, 422, "used"),
    (READING | {"used": "85"}, 422, "used"),
    (READING | {"used": None}, 422, "used"),
    (READING | {"unit": "GB"}, 422, "unit"),
    (READING | {"meter": "water"}, 422, "meter"),
    (READING | {"subscription": "nobody"}, 404, "subscription"),
    (READING | {"read_at": "2026-03-15"}, 422, "read_at"),
    (READING | {"read_at": "2026-03-15T18:05:01Z"}, 422, "read_at"),
    (7, 422, None),
]


def test_bad_readings_are_refused_with_a_reason(world: World) -> None:
    for body, status, field in REFUSED:
        answer = world.program().post("/readings", body)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), body
        assert answer.json["field"] == field, body
        assert answer.json["reason"].endswith((".", "?")), body
    assert count(world, readings) == 0


def test_what_is_read_is_finite(world: World) -> None:
    for number in ("NaN", "Infinity", "1e999"):
        raw = '{"subscription": "s-1", "meter": "storage", "read_at": "2026-03-15T17:00:00Z", "used": ' + number + "}"
        assert world.program().raw("/readings", raw.encode()).status_code in (400, 422)
        results = world.program().raw("/readings", f"[{raw}]".encode()).json["results"]
        assert results[0]["status"] in (400, 422)
    assert count(world, readings) == 0


def test_a_list_has_a_limit_and_the_door_a_lock(world: World) -> None:
    assert world.program().post("/readings", [READING] * 1_001).status_code == 413
    assert world.program().post("/readings", []).json == {"results": []}
    assert world.app.test_client().post("/api/v1/readings", json=READING).status_code == 401


def test_what_a_reading_crosses_waits_while_everything_is_paused(world: World) -> None:
    with world.store.write() as connection:
        pause(connection, EVERYTHING, "the auditors are here", world.times[0])
    answer = world.program().post("/readings?decide=true", READING)
    assert answer.status_code == 201
    assert "the auditors are here" in answer.json["waiting"]
    assert [each["decisions"] for each in answer.json["crossings"]] == [None]
