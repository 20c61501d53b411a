"""The editor's button Format: the text as it stands, in the one layout. Nothing is saved."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from dsl.formatter import format_source
from dsl.source import Source
from web import editor
from web.desk import desk
from web.drafts import draft

pages = Blueprint("formatting", __name__)


@pages.post("/format/<path:path>")
def formatted(path: str) -> ResponseReturnValue:
    """JSON with the text for the script (`?json`), else the editor's page with it."""
    loaded = desk().rulebook.current()
    if not editor.RULE_FILE.fullmatch(path):
        abort(404)
    written = request.form.get("text", "").replace("\r\n", "\n")
    text = format_source(Source(path, written), loaded.ruleset.catalog if loaded.ruleset else None)
    if "json" in request.args:
        return jsonify(text=text)
    return editor.page(draft(loaded, path, text), request.form.get("digest", ""))
