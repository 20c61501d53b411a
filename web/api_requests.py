"""What programs send, as models, or the problem with it; and what the engine refused, as a problem."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError

from engine.online.incoming import Answer, EventConflict, EventRefused
from web import problems
from web.api_bodies import LARGEST_BATCH, Decision, Event, EventResult, Problem, Recorded

_Model = TypeVar("_Model", bound=BaseModel)


def decides() -> bool:
    """Whether the request asks to decide at once."""
    return request.args.get("decide", "").lower() in ("true", "1", "yes")


def read(model: type[_Model], raw: bytes) -> _Model | Problem:
    """The body as this model, or the first thing that is wrong with it."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        return _first(error)


def _first(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if found["type"] == "json_invalid":
        return malformed()
    field = ".".join(str(part) for part in found["loc"]) or None
    return Problem(error="invalid", reason=_sentence(found["type"], str(found["msg"]), field), field=field)


def _sentence(kind: str, message: str, field: str | None) -> str:
    match kind:
        case "missing":
            return f"{field} is missing."
        case "extra_forbidden":
            return f"{field} is not a member of this body; the API's description names those that are."
    wanted = message.removeprefix("Value error, ").removeprefix("Input ")
    return f"{field or 'The body'} {wanted}."


def in_words(refusal: EventRefused | EventConflict) -> tuple[Problem, int]:
    """The engine's refusal as a problem, and its status."""
    reason = f"{refusal.reason[0].upper()}{refusal.reason[1:]}"
    reason = reason if reason.endswith(("?", ".")) else f"{reason}."
    if isinstance(refusal, EventConflict):
        return Problem(error="conflict", reason=reason, field="id"), 409
    if refusal.unknown:
        return Problem(error=f"unknown_{refusal.field}", reason=reason, field=refusal.field), 404
    return Problem(error="invalid", reason=reason, field=refusal.field), 422


def result_of(event: Event, told: Answer | Exception) -> EventResult:
    """What this event alone is answered."""
    if isinstance(told, EventConflict | EventRefused):
        problem, status = in_words(told)
        return EventResult(status=status, problem=problem)
    if isinstance(told, Exception):
        raise told
    decided = None if told.decisions is None else [Decision.of(line) for line in told.decisions]
    recorded = Recorded(
        source=event.source,
        id=event.id,
        state=told.kept.state,
        counts_as=told.kept.counts_as,
        decisions=decided,
        waiting=told.waiting,
    )
    return EventResult(status=201 if told.kept.state == "new" else 200, recorded=recorded)


def malformed() -> Problem:
    return Problem(error="bad_request", reason="The body is no JSON.", field=None)


def status_of(problem: Problem) -> int:
    return 400 if problem.error == "bad_request" else 422


def refuse(problem: Problem, status: int | None = None) -> Response:
    return problems.problem(status or status_of(problem), problem.error, problem.reason, problem.field)


def is_list(raw: bytes) -> bool:
    return raw.lstrip()[:1] == b"["


def items_of(raw: bytes, what: str) -> list[Any] | Response:
    """The bodies in a list, or the refusal of the whole; `what` they are, for people."""
    try:
        items: list[Any] = json.loads(raw)
    except (ValueError, RecursionError):
        return refuse(malformed())
    if len(items) > LARGEST_BATCH:
        reason = f"A list may hold {LARGEST_BATCH:,} {what}; this one holds {len(items):,}."
        return problems.problem(413, "too_large", reason)
    return items


def read_item(model: type[_Model], item: object) -> _Model | Problem:
    return read(model, json.dumps(item).encode())
