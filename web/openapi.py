"""The API's description, OpenAPI 3.1: paths written here, bodies made from the models that read and write them."""

from __future__ import annotations

import functools
from importlib.metadata import version

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.api_bodies import LARGEST_BATCH, Answer, Event, EventResults, Inbox, Problem, Question, Recorded
from web.near_bodies import NearMisses
from web.offer_bodies import BillingList, OfferAnswer, OfferBody, OfferList
from web.openapi_offers import offer_paths
from web.openapi_parts import Json, answer, body, ref, refusals
from web.reading_bodies import Reading, ReadingKept, ReadingResults

_EVENT: Json = {
    "source": "shop",
    "id": "visit-8f14e45f",
    "moment": "website_visit",
    "customer": "c-1001",
    "occurred_at": "2026-03-15T09:30:00+01:00",
    "properties": {"page": "/pricing", "seconds": 42},
}
_READING: Json = {
    "subscription": "s-1001",
    "meter": "storage",
    "read_at": "2026-03-15T09:30:00+01:00",
    "used": 412.5,
}
_QUESTION: Json = {
    "moment": "billing_anniversary",
    "customer": "c-1001",
    "subscription": "s-1001",
    "as_of": "2026-03-15",
}

_DECIDES: Json = {
    "name": "decide",
    "in": "query",
    "description": "Decide at once and answer with the decisions.",
    "schema": {"type": "boolean", "default": False},
}


@functools.cache
def document() -> Json:
    """The whole document, as JSON values."""
    sent: list[type[BaseModel]] = [Event, Reading, Question, OfferAnswer]
    got: list[type[BaseModel]] = [
        Recorded,
        EventResults,
        ReadingKept,
        ReadingResults,
        Answer,
        NearMisses,
        Inbox,
        Problem,
    ]
    got += [OfferBody, OfferList, BillingList]
    _, schemas = models_json_schema(
        [*((model, "validation") for model in sent), *((model, "serialization") for model in got)],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carpe",
            "version": version("carpe"),
            "description": "Tell Carpe what happened, and ask what a customer would be offered.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": {
            "/events": {"post": _events()},
            "/readings": {"post": _readings()},
            "/decide": {"post": _decide()},
            "/customers/{customer}/messages": {"get": _inbox()},
            **offer_paths(),
            "/customers/{customer}/near": {"get": _near()},
            "/openapi.json": {"get": _self()},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _events() -> Json:
    return {
        "operationId": "recordEvents",
        "summary": "Record one event, or a list of them",
        "description": "Idempotent by source and id. Of a list, each event has its own result.",
        "parameters": [_DECIDES],
        "requestBody": body(
            {"oneOf": [ref(Event), {"type": "array", "items": ref(Event), "maxItems": LARGEST_BATCH}]},
            {"one": _EVENT, "several": [_EVENT, _EVENT | {"id": "visit-45c48cce", "customer": "c-1002"}]},
        ),
        "responses": {
            "200": answer(
                "It was known already; or the results of a list.", {"oneOf": [ref(Recorded), ref(EventResults)]}
            ),
            "201": answer("It is kept.", ref(Recorded)),
            **refusals(400, 401, 404, 409, 413, 415, 422, 503),
        },
    }


def _readings() -> Json:
    return {
        "operationId": "recordReadings",
        "summary": "Record what a meter read, or a list of it",
        "description": "The latest reading of a meter counts. One that passes a declared share of its quota makes an"
        " event, once a level, meter and billing period. A list is taken by the order of its instants.",
        "parameters": [_DECIDES],
        "requestBody": body(
            {"oneOf": [ref(Reading), {"type": "array", "items": ref(Reading), "maxItems": LARGEST_BATCH}]},
            {"one": _READING, "several": [_READING, _READING | {"meter": "uploads", "used": 80}]},
        ),
        "responses": {
            "200": answer(
                "It corrects another, or changes nothing; or the results of a list.",
                {"oneOf": [ref(ReadingKept), ref(ReadingResults)]},
            ),
            "201": answer("It is kept.", ref(ReadingKept)),
            **refusals(400, 401, 404, 413, 415, 422, 503),
        },
    }


def _decide() -> Json:
    return {
        "operationId": "wouldDecide",
        "summary": "What would be decided for a moment",
        "description": "Any moment of the catalog. Writes nothing and sends nothing.",
        "requestBody": body(ref(Question), {"anniversary": _QUESTION}),
        "responses": {
            "200": answer("What would be decided.", ref(Answer)),
            **refusals(400, 401, 404, 413, 415, 422, 503),
        },
    }


def _inbox() -> Json:
    return {
        "operationId": "readMessages",
        "summary": "A customer's messages in the app",
        "description": "What was sent on a channel that the business's own app or agent screen shows, newest first.",
        "parameters": [
            {"name": "customer", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "channel", "in": "query", "schema": {"type": "string", "default": "in_app"}},
        ],
        "responses": {
            "200": answer("None where nobody wrote to the customer.", ref(Inbox)),
            **refusals(401),
        },
    }


def _near() -> Json:
    return {
        "operationId": "readNearMisses",
        "summary": "What a customer nearly meets",
        "description": "The rules that one thing alone keeps from matching, if their moments came on the day, nearest"
        " first. An event moment is asked with the properties of the customer's last such event. Writes nothing.",
        "parameters": [
            {"name": "customer", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "as_of",
                "in": "query",
                "description": "The customer's local day; today in the rules' time zone, if it is left out.",
                "schema": {"type": "string", "format": "date"},
            },
            {
                "name": "moment",
                "in": "query",
                "description": "Only rules of this moment.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": answer("Rules that would match, and near misses.", ref(NearMisses)),
            **refusals(401, 404, 422, 503),
        },
    }


def _self() -> Json:
    return {
        "operationId": "describe",
        "summary": "This document",
        "security": [],
        "responses": {"200": answer("OpenAPI 3.1.", {"type": "object"})},
    }
