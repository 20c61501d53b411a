"""Edit a file of the ruleset: check it as it is typed, preview it beside, save it with the digest of what was read."""

from __future__ import annotations

import re

from flask import Blueprint, abort, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.errors import CarpeError
from engine.rule_files import Conflict, digest, save
from engine.rulebook import Loaded
from web.comparison import compare, folded
from web.desk import desk
from web.drafts import Draft, draft, finding
from web.previews import Seen, seen_through
from web.rule_tests import tested
from web.sign_in import may_edit

pages = Blueprint("editor", __name__)

RULE_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.rules")
"""The names that a new file may have: no folder, nothing hidden."""


@pages.get("/files/<path:path>")
def edit(path: str) -> ResponseReturnValue:
    loaded = desk().rulebook.current()
    text = _text(loaded, path)
    shown = draft(loaded, path, text)
    seen = seen_through(shown) if "day" in request.args else None
    return page(shown, digest(text), seen=seen)


@pages.post("/files/<path:path>")
def store(path: str) -> ResponseReturnValue:
    """Save: refused while the text has errors unless the author says anyway; a changed file is a conflict page."""
    may_edit()
    loaded = desk().rulebook.current()
    read = request.form.get("digest", "")
    edited = _edited(loaded, path)
    if edited.causes and "anyway" not in request.form:
        return page(edited, read, refused=True), 422
    try:
        save(desk().rulebook.folder, path, edited.text, read)
    except Conflict as conflict:
        return _conflict(conflict), 409
    except CarpeError as error:
        return page(edited, read, problem=str(error)), 422
    flash(_saved(edited))
    return redirect(url_for("editor.edit", path=path, rule=request.form.get("rule") or None))


@pages.post("/check/<path:path>")
def check(path: str) -> ResponseReturnValue:
    """What is wrong with the text as it stands: JSON for programs, with the same list as the page shows in `html`."""
    edited = _edited(desk().rulebook.current(), path)
    findings = [finding(each) for each in edited.diagnostics]
    return jsonify(
        errors=len(edited.causes),
        diagnostics=[each.to_json() for each in findings],
        rules=[{"name": rule.name, "title": rule.title} for rule in edited.rules],
        tests=(results := tested(edited)).to_json(),
        html=render_template("_findings.html", findings=findings, path=path, tested=results),
    )


@pages.post("/preview/<path:path>")
def look(path: str) -> ResponseReturnValue:
    """Who would get what, by the text as it stands; a fragment for the script, else the whole page."""
    edited = _edited(desk().rulebook.current(), path)
    seen = seen_through(edited)
    if "fragment" in request.args:
        return render_template("_preview.html", seen=seen, draft=edited)
    return page(edited, request.form.get("digest", ""), seen=seen)


def page(
    edited: Draft, read: str, *, seen: Seen | None = None, refused: bool = False, problem: str | None = None
) -> str:
    """The editor with a text that may not be saved; `read` is the digest of the file it began from, "" for none."""
    findings = [finding(each) for each in edited.diagnostics]
    rule = seen.rule if seen else request.values.get("rule", "")
    return render_template(
        "edit.html",
        draft=edited,
        digest=read,
        dirty=read != digest(edited.text),
        findings=findings,
        tested=tested(edited),
        seen=seen,
        refused=refused,
        problem=problem,
        rule=rule,
        line=_line(edited, rule),
        day=seen.day if seen else desk().today().isoformat(),
        editable=g.user.may_edit and edited.path.endswith(".rules"),
        catalog=edited.ruleset.catalog if edited.ruleset else None,
        ruleset=edited.ruleset,
    )


def _line(edited: Draft, name: str) -> int:
    """Where the cursor starts: the line asked for, else the rule's first."""
    asked = request.args.get("line", type=int)
    rule = next((each for each in edited.rules if each.name == name), None)
    return asked or (rule.source.position(rule.span.start).line if rule else 1)


def _conflict(conflict: Conflict) -> str:
    deleted = conflict.path not in desk().rulebook.current().files
    return render_template(
        "conflict.html",
        conflict=conflict,
        deleted=deleted,
        digest="" if deleted else digest(conflict.current),
        rows=folded(compare(conflict.current, conflict.yours)),
    )


def _saved(edited: Draft) -> str:
    if edited.causes:
        return f"Saved {edited.path} with its errors. Until they are mended, the rules go on as they were."
    rules = len(edited.rules)
    return f"Saved {edited.path}: {rules} rule{'' if rules == 1 else 's'} ready to run."


def _text(loaded: Loaded, path: str) -> str:
    """The text of a file of the ruleset; nothing else on this machine has an address here."""
    if path not in loaded.files:
        abort(404)
    return loaded.files[path]


def _edited(loaded: Loaded, path: str) -> Draft:
    """The posted text as a draft, with the line ends of a file instead of a browser's.

    A rule file that is not there is one that is new, or that somebody deleted meanwhile.
    """
    if path not in loaded.files and not RULE_FILE.fullmatch(path):
        abort(404)
    return draft(loaded, path, request.form.get("text", "").replace("\r\n", "\n"))
