"""The API's description: it names every route, its examples are accepted, its schemas are the models'."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from web_world import World, help_blocks, open_world

from web import api_bodies, near_bodies, offer_bodies, reading_bodies
from web.api_bodies import Event, Question
from web.offer_bodies import OfferAnswer
from web.openapi import document
from web.reading_bodies import Reading


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


def routes(world: World) -> set[tuple[str, str]]:
    rules = [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    hidden = {"HEAD", "OPTIONS"}
    found = {(rule.rule.removeprefix("/api/v1"), method.lower()) for rule in rules for method in rule.methods - hidden}
    return {(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), method) for path, method in found}


def test_every_route_is_described_and_nothing_else(world: World) -> None:
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described == routes(world)


def test_everybody_may_read_it_and_it_is_json(world: World) -> None:
    answer = world.app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json == json.loads(json.dumps(document()))
    assert answer.json["openapi"] == "3.1.0"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from [each] if key == "$ref" else references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_to_a_schema() -> None:
    whole = document()
    named = {f"#/components/schemas/{name}" for name in whole["components"]["schemas"]}
    assert set(references(whole)) <= named
    models = vars(api_bodies) | vars(reading_bodies) | vars(offer_bodies) | vars(near_bodies)
    assert {name for name in whole["components"]["schemas"] if name not in models} == set()


def examples() -> list[tuple[str, Any]]:
    found = []
    answers = [(f"/offers/{{offer_id}}/{verb}", OfferAnswer) for verb in ("seen", "accept", "decline")]
    for path, model in (("/events", Event), ("/readings", Reading), ("/decide", Question), *answers):
        body = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        for example in body["examples"].values():
            values = example["value"] if isinstance(example["value"], list) else [example["value"]]
            found += [(model, value) for value in values]
    found += [(Event, json.loads(unescape(text))) for _, text in help_blocks("event")]
    found += [(Reading, json.loads(unescape(text))) for _, text in help_blocks("reading")]
    found += [(Question, json.loads(unescape(text))) for _, text in help_blocks("question")]
    found += [(OfferAnswer, json.loads(unescape(text))) for _, text in help_blocks("answer")]
    return found


@pytest.mark.parametrize(("model", "value"), examples())
def test_examples_of_the_document_and_the_help_are_accepted(
    model: type[Event] | type[Reading] | type[Question] | type[OfferAnswer], value: Any
) -> None:
    model.model_validate_json(json.dumps(value))


def test_every_schema_describes_its_members() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas.pop("JsonValue", {}) == {}
    for name, schema in schemas.items():
        assert schema["type"] == "object", name
        assert schema["properties"], name


def test_every_status_of_a_problem_is_described() -> None:
    for path in ("/events", "/readings", "/decide"):
        responses = document()["paths"][path]["post"]["responses"]
        assert {"200", "400", "401", "404", "413", "415", "422", "503"} <= set(responses)
    assert "409" in document()["paths"]["/events"]["post"]["responses"]
