"""Near misses over HTTP: what the engine finds, as JSON, and refusals in words."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_world import TODAY, World, open_world
from werkzeug.test import TestResponse

from engine.simulation.near_misses import near_misses
from web.openapi import document


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def near(world: World, customer: str, **asked: str) -> TestResponse:
    program = world.program()
    path = f"/api/v1/customers/{customer}/near"
    return program.client.get(path, query_string=asked, headers=program.headers)


def test_it_is_what_the_engine_finds(world: World) -> None:
    ruleset = world.app.extensions["carpe"].rulebook.good()
    for customer in ("c-1", "c-3", "<b>c-4</b>"):
        answer = near(world, customer)
        assert answer.status_code == 200
        found = near_misses(world.store, ruleset, customer, TODAY).to_json()
        assert answer.json == json.loads(json.dumps(found))


def test_what_is_missing_is_named_and_time_has_its_day(world: World) -> None:
    [miss] = near(world, "c-3", moment="billing_anniversary").json["misses"]
    assert (miss["rule"], miss["subscription"]) == ("premium_after_a_year", "s-3")
    assert [(one["would"], one["reads"]) for one in miss["wanted"]] == [("country is US or DE", "missing")]
    [waits] = near(world, "c-1", as_of="2024-11-20", moment="billing_anniversary").json["misses"]
    assert [one["starts"] for one in waits["wanted"]] == ["2025-02-15"]


def test_a_members_name_and_type_are_those_of_the_description(world: World) -> None:
    schemas = document()["components"]["schemas"]

    def require(value: Any, schema: dict[str, Any]) -> None:
        if "$ref" in schema:
            named = schemas[schema["$ref"].rpartition("/")[2]]
            assert set(value) == set(named["properties"]) == set(named["required"])
            for name, each in value.items():
                require(each, named["properties"][name])
        elif schema.get("type") == "array":
            for each in value:
                require(each, schema["items"])

    answer = near(world, "c-3").json
    assert answer["misses"]
    require(answer, {"$ref": "#/components/schemas/NearMisses"})


def test_refusals_are_in_words(world: World) -> None:
    nobody = near(world, "nobody")
    assert (nobody.status_code, nobody.json["error"]) == (404, "unknown_customer")
    assert nobody.json["reason"] == "There is no customer nobody."
    for wrong in ("15.3.2026", "2026-02-30", "20260315", "2026-W11-7", ""):
        refused = near(world, "c-1", as_of=wrong)
        assert (refused.status_code, refused.json["field"]) == (422, "as_of")
    unknown = near(world, "c-1", moment="wedding")
    assert (unknown.status_code, unknown.json["field"]) == (422, "moment")
    assert "choose billing_anniversary or website_visit" in unknown.json["reason"]
    assert world.app.test_client().get("/api/v1/customers/c-1/near").status_code == 401


def test_nothing_is_near_before_the_customer_began(world: World) -> None:
    """A start in the future is missing, as everywhere; the day is read as it is written."""
    answer = near(world, "c-1", as_of=str(dt.date(2023, 1, 1))).json
    assert answer["day"] == "2023-01-01"
    assert answer["matching"] == []
