"""The HTTP API: record events, ask what would be decided. JSON in and out, a bearer token in the header."""

from __future__ import annotations

import json
from typing import TypeVar

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from engine.access import check_token
from engine.deliveries.inbox import messages
from engine.event_path import EventConflict, EventRefused, IncomingEvent, decide_event, record, would_decide
from engine.halts import Halted
from web import problems
from web.api_bodies import (
    LARGEST_BATCH,
    Answer,
    Decision,
    Event,
    EventResult,
    EventResults,
    Inbox,
    InboxMessage,
    Problem,
    Question,
    Recorded,
)
from web.desk import desk
from web.openapi import document

pages = Blueprint("api", __name__, url_prefix="/api/v1")

_Model = TypeVar("_Model", bound=BaseModel)


@pages.before_request
def admit() -> ResponseReturnValue | None:
    """Only programs with a token; the description of the API is for everybody."""
    if request.endpoint == "api.openapi":
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    with desk().store.read() as connection:
        known = scheme.lower() == "bearer" and check_token(connection, token.strip()) is not None
    if not known:
        return problems.problem(401, "unauthorized", "Send a token of Carpe: Authorization: Bearer carpe_…")
    return _not_json() if request.method == "POST" and not request.is_json else None


@pages.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    return jsonify(document())


@pages.post("/events")
def events() -> ResponseReturnValue:
    """Record one event, or a list of them; `?decide=true` decides each at once."""
    raw = request.get_data(cache=False)
    if raw.lstrip()[:1] == b"[":
        return _batch(raw)
    event = _read(Event, raw)
    if isinstance(event, Problem):
        return _refuse(event)
    result = _record(event)
    if result.problem is not None:
        return _refuse(result.problem, result.status)
    assert result.recorded is not None
    return jsonify(result.recorded.model_dump(mode="json")), result.status


@pages.post("/decide")
def decide() -> ResponseReturnValue:
    """What would be decided for a moment; writes nothing."""
    question = _read(Question, request.get_data(cache=False))
    if isinstance(question, Problem):
        return _refuse(question)
    try:
        lines = would_decide(
            desk().store,
            desk().rulebook.good(),
            question.moment,
            question.customer,
            desk().clock(),
            subscription_id=question.subscription,
            properties=question.properties,
            day=question.as_of,
        )
    except EventRefused as refusal:
        return _refuse(*_told(refusal))
    except Halted as halt:
        return problems.problem(503, halt.code, str(halt))
    return jsonify(Answer(decisions=[Decision.of(line) for line in lines]).model_dump(mode="json"))


@pages.get("/customers/<path:customer>/messages")
def inbox(customer: str) -> ResponseReturnValue:
    """What was sent to a customer in the app, or on another channel that keeps its messages here."""
    with desk().store.read() as connection:
        found = messages(connection, customer, request.args.get("channel", "in_app"))
    listed = [InboxMessage.model_validate(each, from_attributes=True) for each in found]
    return jsonify(Inbox(messages=listed).model_dump(mode="json"))


def _batch(raw: bytes) -> ResponseReturnValue:
    """Each event of a list by itself: one that is refused does not stop the others."""
    try:
        items = json.loads(raw)
    except (ValueError, RecursionError):
        return _refuse(_malformed())
    if len(items) > LARGEST_BATCH:
        reason = f"A list may hold {LARGEST_BATCH:,} events; this one holds {len(items):,}."
        return problems.problem(413, "too_large", reason)
    results = [_one_of(item) for item in items]
    return jsonify(EventResults(results=results).model_dump(mode="json"))


def _one_of(item: object) -> EventResult:
    event = _read(Event, json.dumps(item).encode())
    if isinstance(event, Problem):
        return EventResult(status=_status(event), problem=event)
    return _record(event)


def _record(event: Event) -> EventResult:
    """Keep an event, decide it if that was asked: what it alone is answered."""
    store, ruleset, now = desk().store, desk().rulebook.good(), desk().clock()
    lines, waiting = None, None
    try:
        state = record(store, ruleset, IncomingEvent(**dict(event)), now)
        lines = decide_event(store, ruleset, event.source, event.id, now) if _decides() else None
    except Halted as halt:
        waiting = str(halt)
    except (EventConflict, EventRefused) as refusal:
        problem, status = _told(refusal)
        return EventResult(status=status, problem=problem)
    decided = None if lines is None else [Decision.of(line) for line in lines]
    recorded = Recorded(source=event.source, id=event.id, state=state, decisions=decided, waiting=waiting)
    return EventResult(status=201 if state == "new" else 200, recorded=recorded)


def _decides() -> bool:
    return request.args.get("decide", "").lower() in ("true", "1", "yes")


def _read(model: type[_Model], raw: bytes) -> _Model | Problem:
    """The body as this model, or the first thing that is wrong with it."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        return _first(error)


def _first(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if found["type"] == "json_invalid":
        return _malformed()
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


def _told(refusal: EventRefused | EventConflict) -> tuple[Problem, int]:
    """The engine's refusal as a problem, and its status."""
    reason = f"{refusal.reason[0].upper()}{refusal.reason[1:]}"
    reason = reason if reason.endswith(("?", ".")) else f"{reason}."
    if isinstance(refusal, EventConflict):
        return Problem(error="conflict", reason=reason, field="id"), 409
    if refusal.unknown:
        return Problem(error=f"unknown_{refusal.field}", reason=reason, field=refusal.field), 404
    return Problem(error="invalid", reason=reason, field=refusal.field), 422


def _malformed() -> Problem:
    return Problem(error="bad_request", reason="The body is no JSON.", field=None)


def _not_json() -> Response:
    return problems.problem(415, "not_json", "Send JSON: Content-Type: application/json.")


def _status(problem: Problem) -> int:
    return 400 if problem.error == "bad_request" else 422


def _refuse(problem: Problem, status: int | None = None) -> Response:
    return problems.problem(status or _status(problem), problem.error, problem.reason, problem.field)
