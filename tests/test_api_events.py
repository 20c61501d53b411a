"""The API over a real store: events once only, decisions in the answer, questions that write nothing, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from web_world import VISITS, World, open_world

from engine.online import desk as online_desk
from engine.store.tables import decisions, deliveries, events, metadata

EVENT: dict[str, Any] = {
    "source": "shop",
    "id": "visit-1",
    "moment": "website_visit",
    "customer": "c-1",
    "occurred_at": "2026-03-15T19:55:00+02:00",
    "properties": {"page": "/pricing/plans", "seconds": 42},
}
ANNIVERSARY = {"moment": "billing_anniversary", "customer": "c-1", "as_of": "2026-03-15"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def count(world: World, table: Any) -> int:
    with world.store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def everything(world: World) -> dict[str, list[tuple[Any, ...]]]:
    with world.store.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))] for table in metadata.sorted_tables
        }


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event_is_recorded_once(world: World) -> None:
    program = world.program()
    first, second = program.post("/events", EVENT), program.post("/events", EVENT)
    assert (first.status_code, first.json["state"]) == (201, "new")
    assert (second.status_code, second.json["state"]) == (200, "same")
    assert first.json["decisions"] is None
    assert count(world, events) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"customer": "c-2"},
        {"occurred_at": "2026-03-15T19:56:00+02:00"},
        {"properties": {"page": "/pricing/plans"}},
        {"properties": {"page": "/other", "seconds": 42}},
    ],
)
def test_the_same_id_with_another_body_is_a_conflict(world: World, change: dict[str, Any]) -> None:
    program = world.program()
    program.post("/events", EVENT)
    before = everything(world)
    answer = program.post("/events", EVENT | change)
    assert answer.status_code == 409
    assert answer.json["error"] == "conflict"
    assert everything(world) == before


def test_the_same_instant_in_another_offset_is_the_same_event(world: World) -> None:
    program = world.program()
    program.post("/events", EVENT)
    assert program.post("/events", EVENT | {"occurred_at": "2026-03-15T17:55:00Z"}).status_code == 200


def test_ids_belong_to_their_source(world: World) -> None:
    program = world.program()
    program.post("/events", EVENT)
    assert program.post("/events", EVENT | {"source": "app", "customer": "c-2"}).status_code == 201


def test_an_event_is_decided_at_once_where_asked(world: World) -> None:
    program = world.program()
    answer = program.post("/events?decide=true", EVENT)
    assert answer.status_code == 201
    [decision] = answer.json["decisions"]
    assert decision["rule"] == "pricing_page"
    assert decision["result"] == "offered"
    assert decision["offer"] == "premium"
    assert decision["channels"] == ["in_app"]
    assert decision["customer"] == "c-1"
    assert count(world, decisions) == 1
    assert count(world, deliveries) == 1


def test_deciding_twice_answers_the_same_and_writes_once(world: World) -> None:
    program = world.program()
    first = program.post("/events?decide=true", EVENT)
    before = everything(world)
    second = program.post("/events?decide=true", EVENT)
    assert second.status_code == 200
    assert second.json["decisions"] == first.json["decisions"]
    assert everything(world) == before


def test_deciding_may_come_later(world: World) -> None:
    program = world.program()
    program.post("/events", EVENT)
    assert len(program.post("/events?decide=true", EVENT).json["decisions"]) == 1


def test_an_event_that_no_rule_wants_is_decided_with_nothing(world: World) -> None:
    answer = world.program().post("/events?decide=true", EVENT | {"properties": {"page": "/help"}})
    assert (answer.status_code, answer.json["decisions"]) == (201, [])


def test_a_list_of_events_gives_each_its_own_result(world: World) -> None:
    batch = [
        EVENT,
        EVENT | {"id": "visit-2", "customer": "nobody"},
        EVENT,
        {"source": "shop"},
        EVENT | {"id": "visit-3"},
        7,
    ]
    answer = world.program().post("/events?decide=true", batch)
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [each["status"] for each in results] == [201, 404, 200, 422, 201, 422]
    assert results[1]["problem"]["field"] == "customer"
    assert results[0]["recorded"]["decisions"] == results[2]["recorded"]["decisions"]
    assert count(world, events) == 2


def test_a_list_has_a_limit(world: World) -> None:
    assert world.program().post("/events", [EVENT] * 1_001).status_code == 413
    assert world.program().post("/events", []).json == {"results": []}
    assert count(world, events) == 0


# --- questions -------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_and_nothing_is_written(world: World) -> None:
    before = everything(world)
    answer = world.program().post("/decide", ANNIVERSARY)
    assert answer.status_code == 200
    [decision] = answer.json["decisions"]
    assert (decision["rule"], decision["offer"]) == ("premium_after_a_year", "premium")
    assert everything(world) == before


def test_an_event_that_might_be(world: World) -> None:
    before = everything(world)
    question = {"moment": "website_visit", "customer": "c-2", "properties": {"page": "/pricing"}}
    assert [each["rule"] for each in world.program().post("/decide", question).json["decisions"]] == ["pricing_page"]
    question["properties"] = {"page": "/"}
    assert world.program().post("/decide", question).json["decisions"] == []
    assert everything(world) == before


def test_the_day_of_a_question_counts(world: World) -> None:
    """On 15 December 2024 tenure was eleven months."""
    early = ANNIVERSARY | {"as_of": "2024-12-15"}
    assert world.program().post("/decide", early).json["decisions"] == []


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "9999-12-31"])
@pytest.mark.parametrize("moment", ["billing_anniversary", "birthday", "website_visit"])
def test_a_day_far_away_is_answered(world: World, moment: str, day: str) -> None:
    question = {"moment": moment, "customer": "c-1", "as_of": day}
    assert world.program().post("/decide", question).status_code == 200


def test_a_question_about_one_subscription(world: World) -> None:
    question = ANNIVERSARY | {"subscription": "s-1"}
    assert len(world.program().post("/decide", question).json["decisions"]) == 1


# --- refusals --------------------------------------------------------------------------------------------------------


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in EVENT.items() if key != name}


REFUSED: list[tuple[str, Any, int, str | None]] = [
    ("/events", without("source"), 422, "source"),
    ("/events", without("occurred_at"), 422, "occurred_at"),
    ("/events", EVENT | {"id": ""}, 422, "id"),
    ("/events", EVENT | {"id": 7}, 422, "id"),
    ("/events", EVENT | {"id": "a\0b"}, 422, "id"),
    ("/events", EVENT | {"id": "x" * 201}, 422, "id"),
    ("/events", EVENT | {"source": "x" * 65}, 422, "source"),
    ("/events", EVENT | {"type": "website_visit"}, 422, "type"),
    ("/events", EVENT | {"occurred_at": "2026-03-15T09:30:00"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "2026-03-15"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "2026-02-30T09:30:00Z"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "1773567000"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": 1773567000}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "0001-01-01T00:00:00+23:00"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "9999-12-31T23:59:59-23:00"}, 422, "occurred_at"),
    ("/events", EVENT | {"occurred_at": "2027-03-15T09:30:00Z"}, 422, "occurred_at"),
    ("/events", EVENT | {"moment": "website_vist"}, 422, "moment"),
    ("/events", EVENT | {"moment": "billing_anniversary"}, 422, "moment"),
    ("/events", EVENT | {"customer": "nobody"}, 404, "customer"),
    ("/events", EVENT | {"subscription": "nothing"}, 404, "subscription"),
    ("/events", EVENT | {"properties": {"pages": "/"}}, 422, "properties.pages"),
    ("/events", EVENT | {"properties": {"page": 7}}, 422, "properties.page"),
    ("/events", EVENT | {"properties": {"seconds": "42"}}, 422, "properties.seconds"),
    ("/events", EVENT | {"properties": {"seconds": True}}, 422, "properties.seconds"),
    ("/events", EVENT | {"properties": {"page": "a\0b"}}, 422, "properties.page"),
    ("/events", EVENT | {"properties": ["page"]}, 422, "properties"),
    ("/events", EVENT | {"properties": None}, 422, "properties"),
    ("/events", 7, 422, None),
    ("/events", "text", 422, None),
    ("/decide", {"customer": "c-1"}, 422, "moment"),
    ("/decide", ANNIVERSARY | {"moment": "nothing"}, 422, "moment"),
    ("/decide", ANNIVERSARY | {"customer": "nobody"}, 404, "customer"),
    ("/decide", ANNIVERSARY | {"subscription": "s-2"}, 404, "subscription"),
    ("/decide", ANNIVERSARY | {"as_of": "15.3.2026"}, 422, "as_of"),
    ("/decide", ANNIVERSARY | {"as_of": "2026-02-30"}, 422, "as_of"),
    ("/decide", ANNIVERSARY | {"as_of": 5}, 422, "as_of"),
    ("/decide", ANNIVERSARY | {"source": "shop"}, 422, "source"),
    ("/decide", [ANNIVERSARY], 422, None),
]


@pytest.mark.parametrize(("path", "body", "status", "field"), REFUSED)
def test_bad_input_is_refused_with_a_reason(world: World, path: str, body: Any, status: int, field: str | None) -> None:
    before = everything(world)
    answer = world.program().post(path, body)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert set(answer.json) == {"error", "reason", "field"}
    assert answer.json["field"] == field
    assert answer.json["reason"].endswith((".", "?"))
    assert everything(world) == before


MALFORMED = [
    b"",
    b"{",
    b"[1,",
    b"\xff\xfe",
    b'{"a": ' + b"[" * 100_000,
    b"[" * 100_000,
    b'{"id": "\\ud800"}',
    b"[NaN",
    b"null",
]


@pytest.mark.parametrize("raw", MALFORMED)
@pytest.mark.parametrize("path", ["/events", "/decide"])
def test_what_is_no_json_is_refused(world: World, path: str, raw: bytes) -> None:
    answer = world.program().raw(path, raw)
    assert answer.status_code in (400, 422)
    assert answer.json["reason"].endswith((".", "?"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_a_number_is_finite(world: World, number: str) -> None:
    raw = json.dumps(EVENT).replace("42", number).encode()
    for body in (raw, b"[" + raw + b"]"):
        answer = world.program().raw("/events", body)
        result = answer.json["results"][0] if body is not raw else answer.json | {"status": answer.status_code}
        assert result["status"] in (400, 422)
    assert count(world, events) == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read(world: World, kind: str) -> None:
    answer = world.program().raw("/events", json.dumps(EVENT).encode(), kind)
    assert (answer.status_code, answer.json["error"]) == (415, "not_json")


def test_a_huge_body_is_refused_before_it_is_read(world: World) -> None:
    answer = world.program().raw("/events", b'{"x": "' + b"x" * (2 << 20) + b'"}')
    assert (answer.status_code, answer.json["error"]) == (413, "too_large")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic c2hvcDp4", "bearer carpe_", "{token}", "Bearer {token}x"]
)
@pytest.mark.parametrize("path", ["/events", "/decide", "/nothing"])
def test_no_token_no_answer(world: World, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.replace("{token}", world.token)}
    answer = world.app.test_client().post(f"/api/v1{path}", json=EVENT, headers=headers)
    assert answer.status_code == (404 if path == "/nothing" else 401)
    assert answer.json["error"] in ("unauthorized", "not_found")
    assert count(world, events) == 0


def test_a_signed_in_browser_is_no_program(world: World) -> None:
    assert world.visitor("ada").client.post("/api/v1/events", json=EVENT).status_code == 401


def test_other_methods_and_addresses_are_refused_in_json(world: World) -> None:
    client, headers = world.app.test_client(), {"Authorization": f"Bearer {world.token}"}
    assert client.get("/api/v1/events", headers=headers).json["error"] == "method_not_allowed"
    assert client.get("/api/v1/nothing", headers=headers).json["error"] == "not_found"


def test_without_a_ruleset_the_answer_is_503(world: World) -> None:
    (world.folder / "catalog.yaml").unlink()
    answer = world.program().post("/events", EVENT)
    assert (answer.status_code, answer.json["error"]) == (503, "not_ready")


def test_a_list_is_decided_by_the_rules_that_it_began_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though they are edited while it is taken in; the next request goes by the new ones."""
    program, tell = world.program(), online_desk.tell

    def edited(*arguments: Any, **more: Any) -> Any:
        (world.folder / "visits.rules").write_text(VISITS.replace("pricing_page", "pricing_again"))
        return tell(*arguments, **more)

    monkeypatch.setattr(online_desk, "tell", edited)
    listed = [EVENT, EVENT | {"id": "visit-2", "customer": "c-2"}]
    answer = program.post("/events?decide=true", listed)
    rules = [one["rule"] for each in answer.json["results"] for one in each["recorded"]["decisions"]]
    assert rules == ["pricing_page", "pricing_page"]
    answer = program.post("/events?decide=true", EVENT | {"id": "visit-3", "customer": "c-3"})
    assert [one["rule"] for one in answer.json["decisions"]] == ["pricing_again"]
