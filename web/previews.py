"""What the preview panel shows: the engine's counts and samples for one rule of a draft, or why there are none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from flask import request

from dsl.typed import Rule
from engine.errors import CarpeError
from engine.simulation.preview import Preview, preview
from web.desk import desk
from web.drafts import Draft


@dataclass(frozen=True, slots=True)
class Seen:
    """`rule` and `day` as asked for; `result`, or one sentence in `problem`."""

    rule: str
    day: str
    result: Preview | None = None
    problem: str | None = None


def seen_through(edited: Draft) -> Seen:
    """The preview of the rule and day that the request names, by the draft's text."""
    name, day = request.values.get("rule", ""), request.values.get("day", "")
    try:
        on = dt.date.fromisoformat(day) if day else desk().today()
    except ValueError:
        return Seen(name, day, problem=f"“{day}” is no date; write it as 2026-03-15.")
    if not 1900 <= on.year < 2200:
        return Seen(name, day, problem=f"{on.isoformat()} is too far away to say anything about.")
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
    """The rule asked for; the first of the file where none was."""
    named = next((rule for rule in edited.rules if rule.name == name), None)
    return named or (edited.rules[0] if edited.rules and not name else None)
