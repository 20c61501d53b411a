"""What the API's description is put together from: references to models, bodies, answers and refusals."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from web.api_bodies import Problem

Json = dict[str, Any]

_REFUSALS = {
    400: "The body is no JSON.",
    401: "No token, or one that is not known.",
    404: "The customer, the subscription or the offer is not known.",
    409: "The event's id or the key was used before, with another body; or the offer is late or has changed.",
    413: "The body is too large.",
    415: "The body is not announced as JSON.",
    422: "The body is JSON, but a member is missing, wrong or unknown to the catalog.",
    503: "Nothing is decided now (paused, clock_held), there is no ruleset, or the database cannot be used.",
}


def ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def body(schema: Json, examples: Json) -> Json:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}}


def answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def refusals(*statuses: int) -> Json:
    content = {"application/problem+json": {"schema": ref(Problem)}}
    return {str(status): {"description": _REFUSALS[status], "content": content} for status in statuses}
