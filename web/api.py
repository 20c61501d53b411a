"""The HTTP API: record events and readings, ask what would be decided and what is near.

JSON in and out, a bearer token in front.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from engine.access import check_token
from engine.deliveries.inbox import messages
from engine.event_path import EventConflict, EventRefused, IncomingEvent, decide_event, record, would_decide
from engine.halts import Halted
from web import problems
from web.api_bodies import (
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
from web.api_near import answer_near
from web.api_readings import answer_readings
from web.api_requests import decides, is_list, items_of, read, read_item, refuse, status_of, told
from web.desk import desk
from web.openapi import document

pages = Blueprint("api", __name__, url_prefix="/api/v1")


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
    if is_list(raw):
        return _batch(raw)
    event = read(Event, raw)
    if isinstance(event, Problem):
        return refuse(event)
    result = _record(event)
    if result.problem is not None:
        return refuse(result.problem, result.status)
    assert result.recorded is not None
    return jsonify(result.recorded.model_dump(mode="json")), result.status


@pages.post("/readings")
def readings() -> ResponseReturnValue:
    """What a meter read, or a list of it; `?decide=true` decides at once what is crossed."""
    return answer_readings(request.get_data(cache=False))


@pages.post("/decide")
def decide() -> ResponseReturnValue:
    """What would be decided for a moment; writes nothing."""
    question = read(Question, request.get_data(cache=False))
    if isinstance(question, Problem):
        return refuse(question)
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
        return refuse(*told(refusal))
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


@pages.get("/customers/<path:customer>/near")
def near(customer: str) -> ResponseReturnValue:
    """Which rules one thing alone keeps from a customer, nearest first; writes nothing."""
    return answer_near(customer)


def _batch(raw: bytes) -> ResponseReturnValue:
    """Each event of a list by itself: one that is refused does not stop the others."""
    items = items_of(raw, "events")
    if isinstance(items, Response):
        return items
    results = [_one_of(item) for item in items]
    return jsonify(EventResults(results=results).model_dump(mode="json"))


def _one_of(item: object) -> EventResult:
    event = read_item(Event, item)
    if isinstance(event, Problem):
        return EventResult(status=status_of(event), problem=event)
    return _record(event)


def _record(event: Event) -> EventResult:
    """Keep an event, decide it if that was asked: what it alone is answered."""
    store, ruleset, now = desk().store, desk().rulebook.good(), desk().clock()
    lines, waiting = None, None
    try:
        kept = record(store, ruleset, IncomingEvent(**dict(event)), now)
        lines = decide_event(store, ruleset, event.source, event.id, now) if decides() else None
    except Halted as halt:
        waiting = str(halt)
    except (EventConflict, EventRefused) as refusal:
        problem, status = told(refusal)
        return EventResult(status=status, problem=problem)
    decided = None if lines is None else [Decision.of(line) for line in lines]
    recorded = Recorded(
        source=event.source,
        id=event.id,
        state=kept.state,
        counts_as=kept.counts_as,
        decisions=decided,
        waiting=waiting,
    )
    return EventResult(status=201 if kept.state == "new" else 200, recorded=recorded)


def _not_json() -> Response:
    return problems.problem(415, "not_json", "Send JSON: Content-Type: application/json.")
