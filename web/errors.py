"""When something is wrong, one kind sentence: never a traceback, never another site's words."""

from __future__ import annotations

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from engine.errors import CarpeError
from web import problems

_SENTENCES = {
    404: "There is no such page. It may have been renamed, or the link was not complete.",
    405: "This page cannot be used in that way.",
    413: "That is too large to take in.",
    500: "Something went wrong on our side. It has been written to the log; please try again.",
}
_TITLES = {
    400: "That did not work",
    401: "Please sign in again",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    413: "Too large",
    503: "Not ready",
}


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CarpeError, _refused)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    sentence = _SENTENCES.get(status) or error.description or "That did not work."
    return _answer(status, sentence)


def _refused(error: CarpeError) -> ResponseReturnValue:
    """An operating error carries its own sentence: no ruleset, an unusable catalog, a locked database."""
    return _answer(503, str(error))


def _unexpected(error: Exception) -> ResponseReturnValue:
    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return _http(InternalServerError())


def _answer(status: int, sentence: str) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        return problems.problem(status, problems.NAMES.get(status, "error"), sentence)
    page = render_template("error.html", title=_TITLES.get(status, "That did not work"), sentence=sentence)
    return page, status
