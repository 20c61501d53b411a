"""The HTTP API: record events and readings, ask what would be decided and what is near.

JSON in and out, a bearer token in front.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from engine.deliveries.inbox import messages
from engine.event_path import would_decide
from engine.halts import Halted
from engine.online import incoming
from engine.online.drafts import Telling
from engine.online.incoming import EventConflict, EventRefused, IncomingEvent
from web import api_offers, problems
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
from web.api_requests import decides, in_words, is_list, items_of, read, read_item, refuse, status_of
from web.desk import desk
from web.openapi import document

pages = Blueprint("api", __name__, url_prefix="/api/v1")
pages.register_blueprint(api_offers.pages)


@pages.before_request
def admit() -> ResponseReturnValue | None:
    """Only programs with a token, whose name is then `g.program`; the description of the API is for everybody."""
    if request.endpoint == "api.openapi":
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    g.program = desk().tokens.holder(token.strip()) if scheme.lower() == "bearer" else None
    if g.program is None:
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
    [result] = _told([read(Event, raw)])
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
            desk().ruleset(),
            question.moment,
            question.customer,
            desk().clock(),
            subscription_id=question.subscription,
            properties=question.properties,
            day=question.as_of,
        )
    except EventRefused as refusal:
        return refuse(*in_words(refusal))
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
    results = _told([read_item(Event, item) for item in items])
    return jsonify(EventResults(results=results).model_dump(mode="json"))


def _told(bodies: Sequence[Event | Problem]) -> list[EventResult]:
    """Tell those that can be read, together; the results are in the order of the bodies."""
    now, decide = desk().clock(), decides()
    good = [Telling(IncomingEvent(**dict(body)), now, decide) for body in bodies if isinstance(body, Event)]
    answers = iter(desk().events.tell_all(good))
    return [
        _result(body, next(answers)) if isinstance(body, Event) else EventResult(status=status_of(body), problem=body)
        for body in bodies
    ]


def _result(event: Event, told: incoming.Answer | Exception) -> EventResult:
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


def _not_json() -> Response:
    return problems.problem(415, "not_json", "Send JSON: Content-Type: application/json.")
