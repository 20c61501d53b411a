"""Status, pauses and holds as people and programs see them: pages, `/healthz`, the API."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from web_world import NOW, World, open_world

from engine.clock_hold import accept_clock, hold_clock
from engine.pauses import EVERYTHING, every_pause, pause, resume
from engine.store.tables import pauses, workers
from engine.workers import TICK, beat, leave, this_worker

RULE = "premium_after_a_year"
SECOND = dt.timedelta(seconds=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(whole: World) -> World:
    """One world for all of these tests, in which nothing is halted and nobody works."""
    whole.times[0] = NOW
    with whole.store.write() as connection:
        accept_clock(connection, NOW)
        connection.execute(pauses.delete())
        connection.execute(workers.delete())
    return whole


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def paused_by(world: World) -> dict[str, str]:
    with world.store.read() as connection:
        return {each.rule: each.reason for each in every_pause(connection)}


# --- /healthz --------------------------------------------------------------------------------------------------------


def health(world: World) -> tuple[int, dict[str, object]]:
    answer = world.visitor().see("/healthz")
    return answer.status_code, answer.json


def test_without_a_scheduler_the_pages_alone_are_healthy(world: World) -> None:
    assert health(world) == (
        200,
        {
            "status": "ok",
            "reason": None,
            "clock_held": None,
            "paused": False,
            "schedulers": 0,
            "last_tick": None,
            "rules": None,
        },
    )


def test_two_missed_ticks_are_red_and_the_next_is_green(world: World) -> None:
    worker = this_worker("carpe serve", NOW)
    with world.store.write() as connection:
        beat(connection, worker, NOW)
    assert health(world)[0] == 200
    assert health(world)[1]["last_tick"] == NOW.isoformat()
    world.wait(2 * TICK + SECOND)
    status, told = health(world)
    assert status == 503
    assert told["reason"] == "The scheduler has missed 2 ticks: its last sign of life was at 18:00:00 UTC."
    with world.store.write() as connection:
        beat(connection, this_worker("carpe scheduler", NOW), world.times[0])  # another one lives: all is well
    assert health(world)[0] == 200
    world.wait(3 * TICK)
    assert health(world)[0] == 503
    with world.store.write() as connection:
        beat(connection, worker, world.times[0])
    assert health(world)[0] == 200


def test_where_this_process_schedules_its_own_ticks_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = this_worker("carpe serve", NOW), this_worker("carpe scheduler", NOW)
    desk = world.app.extensions["carpe"]
    monkeypatch.setitem(world.app.extensions, "carpe", replace(desk, worker=own.id))
    assert health(world)[0] == 200
    world.wait(3 * TICK)
    with world.store.write() as connection:
        beat(connection, own, NOW)
        beat(connection, other, world.times[0])
    assert health(world)[0] == 503


def test_one_that_stopped_cleanly_is_not_missed(world: World) -> None:
    worker = this_worker("carpe serve", NOW)
    with world.store.write() as connection:
        beat(connection, worker, NOW)
        leave(connection, worker)
    world.wait(dt.timedelta(days=1))
    assert health(world)[0] == 200


def test_waiting_for_a_person_is_said(world: World) -> None:
    with world.store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
    assert health(world)[1]["status"] == "paused"
    with world.store.write() as connection:
        hold_clock(connection, "The clock was set forward by 9 hours.", NOW)
    status, told = health(world)
    assert (status, told["status"]) == (200, "clock_held")
    assert told["clock_held"] == "The clock was set forward by 9 hours."


# --- pages -----------------------------------------------------------------------------------------------------------


def test_an_editor_pauses_a_rule_on_its_page_and_lets_it_go_on(world: World) -> None:
    ada, page = world.visitor("ada"), f"/files/anniversary.rules?rule={RULE}"
    assert f"Pause {RULE}" in plain(ada.see(page).text)
    answer = ada.send("/pause", {"rule": RULE, "reason": "the wording is wrong", "next": page}, page)
    assert (answer.status_code, answer.location) == (302, page)
    assert paused_by(world) == {RULE: "the wording is wrong"}
    shown = plain(ada.see(page).text)
    assert "is paused since 15 Mar 2026, 18:00 UTC: the wording is wrong" in shown
    assert f"Resume {RULE}" in shown
    assert "paused" in plain(ada.see("/rules").text)
    ada.send("/resume", {"rule": RULE, "next": page}, page)
    assert paused_by(world) == {}


def test_everything_is_paused_on_the_status_page_and_said_on_every_page(world: World) -> None:
    ada = world.visitor("ada")
    ada.send("/pause", {"rule": "", "reason": "wrong prices", "next": "https://elsewhere.example/"}, "/status")
    assert paused_by(world) == {EVERYTHING: "wrong prices"}
    for page in ("/rules", "/decisions", "/status", "/help", "/nowhere"):
        assert "Everything is paused: wrong prices" in plain(ada.see(page).text)
    assert "Everything is paused" not in world.visitor().see("/sign-in").text
    assert ada.send("/resume", {"rule": "", "next": "//elsewhere.example"}, "/status").location == "/status"
    assert paused_by(world) == {}


@pytest.mark.parametrize("path", ["/pause", "/resume"])
def test_only_editors_and_only_our_forms_may(world: World, path: str) -> None:
    with world.store.write() as connection:
        pause(connection, "pricing_page", "before", NOW)
    vera = world.visitor("vera")
    assert "Pause everything" not in vera.see("/status").text
    assert vera.send(path, {"rule": "pricing_page", "reason": "x"}, "/rules").status_code == 403
    forged = world.visitor("ada").client.post(path, data={"rule": "pricing_page", "reason": "x", "csrf_token": "no"})
    assert forged.status_code == 400
    assert paused_by(world) == {"pricing_page": "before"}


def test_a_rule_that_is_not_there_is_not_paused(world: World) -> None:
    ada = world.visitor("ada")
    ada.send("/pause", {"rule": "<b>nothing", "reason": "x"}, "/status")
    assert paused_by(world) == {}
    assert "There is no rule called “<b>nothing” without errors" in unescape(ada.see("/status").text)


def test_a_held_clock_is_said_on_every_page(world: World) -> None:
    with world.store.write() as connection:
        hold_clock(connection, "The clock was set forward by 9 hours.", NOW)
    for page in ("/rules", "/status"):
        assert "the clock is suspect. The clock was set forward" in plain(world.visitor("vera").see(page).text)


# --- the API ---------------------------------------------------------------------------------------------------------

VISIT = {
    "source": "shop",
    "id": "v1",
    "moment": "website_visit",
    "customer": "c-1",
    "occurred_at": "2026-03-15T17:59:00Z",
    "properties": {"page": "/pricing", "seconds": 20},
}


def test_while_paused_events_are_kept_and_wait(world: World) -> None:
    program = world.program()
    with world.store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
    answer = program.post("/events?decide=true", VISIT)
    assert answer.status_code == 201
    assert answer.json["decisions"] is None
    waiting = "Everything has been paused since 2026-03-15 18:00 UTC (wrong prices); `carpe resume` goes on."
    assert answer.json["waiting"] == waiting
    with world.store.write() as connection:
        resume(connection, EVERYTHING)
    answer = program.post("/events?decide=true", VISIT)
    assert (answer.json["state"], answer.json["waiting"]) == ("same", None)
    assert [each["result"] for each in answer.json["decisions"]] == ["offered"]


def test_what_would_be_decided_is_refused_with_a_word_for_programs(world: World) -> None:
    program, question = world.program(), {"moment": "billing_anniversary", "customer": "c-1"}
    with world.store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
    answer = program.post("/decide", question)
    assert (answer.status_code, answer.json["error"]) == (503, "paused")
    with world.store.write() as connection:
        hold_clock(connection, "The clock was set forward by 9 hours.", NOW)
    answer = program.post("/decide", question)
    assert (answer.status_code, answer.json["error"]) == (503, "clock_held")
    assert answer.json["reason"].startswith("The clock was set forward by 9 hours. Nothing is decided")
    with world.store.write() as connection:
        accept_clock(connection, NOW)
        resume(connection, EVERYTHING)
    assert program.post("/decide", question).status_code == 200
