"""Offers over HTTP: read, answered once, refused with a word for programs and a sentence for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_world import CATALOG, FILES, NOW, World, open_world

from engine.offers.making import make_offers
from engine.offers.withdrawing import withdraw_rule
from engine.store.state import customer_rows
from tests.offer_world import decide, premium

LATER = NOW + dt.timedelta(days=14)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        offer_to(world, "o-1")
        yield world


def offer_to(world: World, name: str, customer: str = "c-1", subscription: str = "s-1", **more: Any) -> None:
    basis = {"plan": "basic", "billing_interval": "month", "currency": "USD"}
    who = {"customer_id": customer, "subscription_id": subscription, "basis": basis, "expires_at": LATER}
    made = [premium(0, name, **who | more)]
    with world.store.write() as connection:
        decide(connection, made, NOW)
        make_offers(connection, made, NOW)


def get(world: World, path: str) -> Any:
    return world.app.test_client().get(f"/api/v1{path}", headers=world.program().headers)


def take(world: World, change: str) -> int:
    path = f"/api/v1/billing/changes/{change}"
    return world.app.test_client().delete(path, headers=world.program().headers).status_code


def test_an_offer_is_read_as_it_stands(world: World) -> None:
    answer = get(world, "/offers/o-1")
    assert answer.status_code == 200
    assert answer.json == {
        "id": "o-1",
        "rule": "upgrade_now",
        "product": "premium",
        "customer": "c-1",
        "subscription": "s-1",
        "state": "offered",
        "state_at": "2026-03-15T18:00:00Z",
        "price": 3600,
        "currency": "USD",
        "discount": 1000,
        "quote": {"invoices": [3600] * 12},
        "made_at": "2026-03-15T18:00:00Z",
        "expires_at": "2026-03-29T18:00:00Z",
        "sentence": "premium at 36.00 USD to c-1 (upgrade_now): offered until 2026-03-29 18:00 UTC.",
    }


def test_a_customer_s_offers_are_those_that_stand(world: World) -> None:
    offer_to(world, "o-2", expires_at=NOW + dt.timedelta(hours=1))
    offer_to(world, "o-3", "c-2", "s-2")
    offer_to(world, "o-4", "<b>c-4</b>", "s-4")
    assert [each["id"] for each in get(world, "/customers/c-1/offers").json["offers"]] == ["o-1", "o-2"]
    assert [each["id"] for each in get(world, "/customers/%3Cb%3Ec-4%3C/b%3E/offers").json["offers"]] == ["o-4"]
    world.wait(dt.timedelta(hours=1))
    assert [each["id"] for each in get(world, "/customers/c-1/offers").json["offers"]] == ["o-1"]
    assert get(world, "/customers/nobody/offers").json == {"offers": []}


def test_seen_then_accepted_then_the_same_again(world: World) -> None:
    program = world.program()
    seen = program.post("/offers/o-1/seen", {"key": "a"})
    accepted = program.post("/offers/o-1/accept", {"key": "b"})
    assert [each.status_code for each in (seen, accepted)] == [200, 200]
    assert [each.json["state"] for each in (seen, accepted)] == ["seen", "accepted"]
    assert program.post("/offers/o-1/accept", {"key": "b"}).json == accepted.json
    assert program.post("/offers/o-1/seen", {"key": "a"}).json == seen.json


def test_what_was_accepted_waits_for_billing_until_it_is_taken(world: World) -> None:
    world.program().post("/offers/o-1/accept", {"key": "b"})
    for _ in range(2):
        [change] = get(world, "/billing/changes").json["changes"]
        assert (change["id"], change["kind"], change["subscription"], change["price"]) == ("o-1", "plan", "s-1", 3600)
    assert [take(world, "o-1"), take(world, "o-1"), take(world, "o-9")] == [204, 204, 404]
    assert get(world, "/billing/changes").json == {"changes": []}


def test_embedded_the_subscription_changes_at_once(tmp_path: Path) -> None:
    with open_world(tmp_path, FILES | {"catalog.yaml": CATALOG + "  accepted_offers: change_here\n"}) as world:
        offer_to(world, "o-1")
        assert world.program().post("/offers/o-1/accept", {"key": "b"}).status_code == 200
        with world.store.read() as connection:
            state = customer_rows(connection, world.app.extensions["carpe"].rulebook.good().catalog, "c-1")
        assert state is not None
        assert state.subscriptions[0]["subscription.plan"] == "premium"


def refused(world: World, path: str, body: Any) -> tuple[int, str, str, str | None]:
    answer = world.program().post(path, body)
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, answer.json["error"], answer.json["reason"], answer.json["field"]


def test_a_key_with_another_body_is_a_conflict(world: World) -> None:
    world.program().post("/offers/o-1/seen", {"key": "a"})
    sentence = "The key was used before, for another request about this offer."
    assert refused(world, "/offers/o-1/decline", {"key": "a"}) == (409, "conflict", sentence, "key")
    assert refused(world, "/offers/o-1/seen", {"key": "a", "reason": "x"})[:2] == (409, "conflict")


def test_late_and_changed_are_refused_with_a_reason(world: World) -> None:
    offer_to(world, "o-2", basis={"plan": "free"})
    offer_to(world, "o-3", rule="other")
    withdraw_rule(world.store, "other", NOW, by="ada", reason="wrong")
    assert refused(world, "/offers/o-2/accept", {"key": "a"})[1:3] == (
        "offer_changed",
        "The offer was made for the plan free, which is basic now.",
    )
    assert refused(world, "/offers/o-3/accept", {"key": "a"})[1:3] == (
        "offer_withdrawn",
        "The offer was withdrawn on 2026-03-15 at 18:00 UTC.",
    )
    world.program().post("/offers/o-1/decline", {"key": "a", "reason": "too dear"})
    assert refused(world, "/offers/o-1/accept", {"key": "b"})[:2] == (409, "offer_declined")
    world.wait(dt.timedelta(days=14))
    assert refused(world, "/offers/o-2/decline", {"key": "b"})[1:3] == (
        "offer_lapsed",
        "The offer lapsed on 2026-03-29 at 18:00 UTC.",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "key"), ({"key": ""}, "key"), ({"key": 7}, "key"), ({"key": "a", "price": 1}, "price"), ([], None)],
)
def test_bad_bodies_change_nothing(world: World, body: Any, field: str | None) -> None:
    status, error, _, told = refused(world, "/offers/o-1/accept", body)
    assert (status, error, told) == (422, "invalid", field)
    assert get(world, "/offers/o-1").json["state"] == "offered"


def test_unknown_offers_are_told(world: World) -> None:
    told = (404, "unknown_offer", "There is no offer o-9.", None)
    assert refused(world, "/offers/o-9/accept", {"key": "a"}) == told
    assert get(world, "/offers/o-9").json["reason"] == told[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/offers/o-1"),
        ("post", "/offers/o-1/accept"),
        ("get", "/customers/c-1/offers"),
        ("get", "/billing/changes"),
        ("delete", "/billing/changes/o-1"),
    ],
)
def test_only_programs_come_in(world: World, method: str, path: str) -> None:
    answer = getattr(world.app.test_client(), method)(f"/api/v1{path}")
    assert (answer.status_code, answer.json["error"]) == (401, "unauthorized")
