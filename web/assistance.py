"""The editor's questions about the place of the cursor: what may come there, and what is the word there."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from dsl.folder import Files
from dsl.language_service.completion import complete
from dsl.language_service.hover import hover
from engine.store.statistics import StoredStatistics
from web.desk import desk
from web.editor import RULE_FILE

pages = Blueprint("assistance", __name__)

MOST_SHOWN = 60
"""Proposals in one answer; typing on narrows them."""


@pages.post("/complete/<path:path>")
def completions(path: str) -> ResponseReturnValue:
    """What may come at `at`, counted in characters; `start` and `end` are what each `insert` replaces."""
    files, at = _asked(path)
    found = complete(files, path, at)[:MOST_SHOWN]
    return jsonify(
        completions=[
            {
                "label": one.label,
                "kind": one.kind,
                "detail": one.detail,
                "insert": one.insert,
                "documentation": one.documentation,
                "start": one.span.start,
                "end": one.span.end,
            }
            for one in found
        ]
    )


@pages.post("/hover/<path:path>")
def meaning(path: str) -> ResponseReturnValue:
    """What the word at `at` means, line by line; none between words."""
    files, at = _asked(path)
    found = hover(files, path, at, StoredStatistics(desk().store))
    return jsonify(lines=found.text.split("\n") if found else [])


def _asked(path: str) -> tuple[Files, int]:
    """The folder with the posted text, and the place in it."""
    loaded = desk().rulebook.current()
    at = request.form.get("at", type=int)
    if at is None or (path not in loaded.files and not RULE_FILE.fullmatch(path)):
        abort(404)
    return {**loaded.files, path: request.form.get("text", "").replace("\r\n", "\n")}, at
