"""Near misses over HTTP: which rules one thing alone keeps from a customer."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from engine.simulation.explain import UnknownSubject
from engine.simulation.near_misses import UnknownMoment, near_misses
from web import problems
from web.desk import desk
from web.near_bodies import NearMisses


def answer_near(customer: str) -> ResponseReturnValue:
    """The answer for one customer, on `as_of` (today, if it is left out), of all moments or of `moment` alone."""
    day = _day(request.args.get("as_of"))
    if isinstance(day, Response):
        return day
    try:
        ruleset = desk().rulebook.good()
        found = near_misses(desk().store, ruleset, customer, day, moment=request.args.get("moment"))
    except UnknownSubject as unknown:
        return problems.problem(404, "unknown_customer", str(unknown), "customer")
    except UnknownMoment as unknown:
        return problems.problem(422, "invalid", str(unknown), "moment")
    return jsonify(NearMisses.model_validate(found).model_dump(mode="json"))


def _day(text: str | None) -> dt.date | Response:
    if text is None:
        return desk().today()
    with suppress(ValueError):
        day = dt.date.fromisoformat(text)
        if day.isoformat() == text:  # Python also reads 20260315 and weeks
            return day
    return problems.problem(422, "invalid", "as_of should be a day such as 2026-03-15.", "as_of")
