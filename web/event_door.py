"""One event, told by a program: most of the requests that Carpe answers, let in by a door of their own before Flask.

Only what is plain passes here: a JSON object of the API's form, a token that holds, an event that is kept. All else
(lists, other queries, whatever is refused or goes wrong) is Flask's to answer, and for what passes the answer is the
same byte for byte.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
from pydantic import ValidationError

from engine.online.drafts import Telling
from engine.online.incoming import Answer, IncomingEvent
from web import security
from web.api_bodies import Event, EventResult
from web.api_requests import result_of
from web.desk import Desk

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Environ = dict[str, Any]

_DECIDES = {"": False, "decide=true": True}
_STATUS = {200: "200 OK", 201: "201 CREATED"}
_HEADERS = [*security.HEADERS.items(), ("Cache-Control", "no-store")]
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode  # as Flask's jsonify


class EventDoor:
    """A WSGI application in front of `app`, whose own it calls for everything else."""

    def __init__(self, app: Flask, desk: Desk) -> None:
        self._app, self._desk, self._otherwise = app, desk, app.wsgi_app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not _is_plain(environ):
            return self._otherwise(environ, start_response)
        try:
            result = self._result(environ)
        except Exception as error:
            with self._app.request_context(environ):
                return self._app.finalize_request(self._app.handle_user_exception(error))(environ, start_response)
        return self._otherwise(environ, start_response) if result is None else _answer(result, start_response)

    def _result(self, environ: Environ) -> EventResult | None:
        """What became of the event. None where nothing was kept; then the body can be read again."""
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or self._desk.tokens.holder(token.strip()) is None:
            return None
        raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(raw)
        try:
            event = Event.model_validate_json(raw)
        except ValidationError:
            return None
        decides = _DECIDES[environ.get("QUERY_STRING", "")]
        telling = Telling(IncomingEvent(**event.__dict__), self._desk.clock(), decides)
        [told] = self._desk.events.tell_all([telling])
        # A refusal has kept nothing, and is the same when it is asked for again.
        return result_of(event, told) if isinstance(told, Answer) else None


def _is_plain(environ: Environ) -> bool:
    size = environ.get("CONTENT_LENGTH", "")
    return (
        environ["PATH_INFO"] == "/api/v1/events"
        and environ["REQUEST_METHOD"] == "POST"
        and environ.get("QUERY_STRING", "") in _DECIDES
        and environ.get("CONTENT_TYPE") == "application/json"
        and size.isdecimal()
        and size.isascii()
        and 0 < int(size) <= security.LARGEST_REQUEST
    )


def _answer(result: EventResult, start: StartResponse) -> Iterable[bytes]:
    assert result.recorded is not None
    body = f"{_encode(result.recorded.model_dump(mode='json'))}\n".encode()
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *_HEADERS]
    start(_STATUS[result.status], head)
    return [body]
