"""Edit a file of the ruleset: check it as it is typed, preview it beside, save it with the digest of what was read."""

from __future__ import annotations

import datetime as dt
import re

from flask import Blueprint, abort, flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dsl.typed import Rule
from engine.errors import CarpeError
from engine.rulebook import Conflict, Loaded, digest, save
from engine.simulation.preview import Preview, preview
from web.comparison import compare, folded
from web.desk import desk
from web.drafts import Draft, draft, finding
from web.sign_in import may_edit

pages = Blueprint("editor", __name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_FIRST_TEXT = """# What this file is about, for the next reader.

rule {name}_1 "A title for people"
  on {moment}
  offer {product}
"""


@pages.get("/files/<path:path>")
def edit(path: str) -> ResponseReturnValue:
    loaded = desk().rulebook.current()
    text = _text(loaded, path)
    shown = draft(loaded, path, text)
    seen = _preview(shown) if "day" in request.args else None
    return _page(shown, digest(text), seen=seen)


@pages.post("/files/<path:path>")
def store(path: str) -> ResponseReturnValue:
    """Save: refused while the text has errors unless the author says anyway; a changed file is a conflict page."""
    may_edit()
    loaded = desk().rulebook.current()
    read = request.form.get("digest", "")
    edited = _edited(loaded, path)
    if edited.causes and "anyway" not in request.form:
        return _page(edited, read, refused=True), 422
    try:
        save(desk().rulebook.folder, path, edited.text, read)
    except Conflict as conflict:
        return _conflict(conflict), 409
    except CarpeError as error:
        return _page(edited, read, problem=str(error)), 422
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
        html=render_template("_findings.html", findings=findings, path=path),
    )


@pages.post("/preview/<path:path>")
def look(path: str) -> ResponseReturnValue:
    """Who would get what, by the text as it stands; a fragment for the script, else the whole page."""
    edited = _edited(desk().rulebook.current(), path)
    seen = _preview(edited)
    if "fragment" in request.args:
        return render_template("_preview.html", seen=seen, draft=edited)
    return _page(edited, request.form.get("digest", ""), seen=seen)


@pages.get("/new")
def begin() -> ResponseReturnValue:
    may_edit()
    return render_template("new.html", name="", problem=None)


@pages.post("/new")
def create() -> ResponseReturnValue:
    """Open the editor on a file that does not exist yet: saving makes it."""
    may_edit()
    name = request.form.get("name", "").strip().removesuffix(".rules")
    path = f"{name}.rules"
    problem = None
    if not _NAME.fullmatch(name):
        problem = "Use small letters, digits, - and _ for the name, such as spring_sale."
    elif path in desk().rulebook.current().files:
        problem = f"There is a file {path} already."
    if problem:
        return render_template("new.html", name=name, problem=problem), 422
    return _page(draft(desk().rulebook.current(), path, _first_text(name)), "")


def _first_text(name: str) -> str:
    """What a new file begins with: a whole rule in the words of the catalog."""
    catalog = desk().rulebook.good().catalog
    slug = name.replace("-", "_")
    return _FIRST_TEXT.format(
        name=slug if slug[0].isalpha() else f"rule_{slug}",
        moment=next(iter(catalog.moments), "billing_anniversary"),
        product=max(catalog.plans.values(), key=lambda plan: plan.rank).name if catalog.plans else "premium",
    )


class Seen:
    """What the preview panel shows: counts and samples, or one sentence on why there are none."""

    def __init__(self, rule: str, day: str, result: Preview | None = None, problem: str | None = None) -> None:
        self.rule, self.day, self.result, self.problem = rule, day, result, problem


def _preview(edited: Draft) -> Seen:
    name, day = request.values.get("rule", ""), request.values.get("day", "")
    try:
        on = dt.date.fromisoformat(day) if day else desk().today()
    except ValueError:
        return Seen(name, day, problem=f"“{day}” is no date; write it as 2026-03-15.")
    if edited.ruleset is None:
        return Seen(name, day, problem="The catalog has errors, so nothing can be previewed until it is mended.")
    rule = _chosen(edited, name)
    if rule is None:
        return Seen(name, day, problem="There is no rule without errors here yet; mend the text and preview again.")
    try:
        result = preview(desk().store, edited.ruleset, rule, on, desk().clock())
    except CarpeError as error:
        return Seen(rule.name, on.isoformat(), problem=str(error))
    return Seen(rule.name, on.isoformat(), result)


def _chosen(edited: Draft, name: str) -> Rule | None:
    """The rule asked for, else the first of the file."""
    named = next((rule for rule in edited.rules if rule.name == name), None)
    return named or (edited.rules[0] if edited.rules and not name else None)


def _page(
    edited: Draft, read: str, *, seen: Seen | None = None, refused: bool = False, problem: str | None = None
) -> str:
    findings = [finding(each) for each in edited.diagnostics]
    rule = seen.rule if seen else request.values.get("rule", "")
    return render_template(
        "edit.html",
        draft=edited,
        digest=read,
        dirty=read != digest(edited.text),
        findings=findings,
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
        return f"Saved {edited.path} with its errors. What is broken does not run; everything else goes on."
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
    new = path.endswith(".rules") and _NAME.fullmatch(path.removesuffix(".rules"))
    if path not in loaded.files and not new:
        abort(404)
    return draft(loaded, path, request.form.get("text", "").replace("\r\n", "\n"))
