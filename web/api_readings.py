"""Readings of meters over HTTP: one, or a list that is told together."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from engine.reading_path import Outcome, tell_readings
from engine.store import meters
from engine.store.readings import Became
from web.api_bodies import Problem
from web.api_requests import decides, in_words, is_list, items_of, read, read_item, refuse, status_of
from web.desk import desk
from web.reading_bodies import Crossing, Reading, ReadingKept, ReadingResult, ReadingResults


def answer_readings(raw: bytes) -> ResponseReturnValue:
    """The answer to a body with one reading or a list of them."""
    if is_list(raw):
        items = items_of(raw, "readings")
        if isinstance(items, Response):
            return items
        results = _told([read_item(Reading, item) for item in items])
        return jsonify(ReadingResults(results=results).model_dump(mode="json"))
    [result] = _told([read(Reading, raw)])
    if result.problem is not None:
        return refuse(result.problem, result.status)
    assert result.recorded is not None
    return jsonify(result.recorded.model_dump(mode="json")), result.status


def _told(bodies: Sequence[Reading | Problem]) -> list[ReadingResult]:
    """Those that can be read are told together, by the order of their instants; the results are as they were sent."""
    good = [body for body in bodies if isinstance(body, Reading)]
    batch = [meters.Reading(one.subscription, one.meter, one.read_at, one.used) for one in good]
    outcomes = iter(tell_readings(desk().store, desk().ruleset(), batch, desk().clock(), decide=decides()))
    return [
        _result(body, next(outcomes))
        if isinstance(body, Reading)
        else ReadingResult(status=status_of(body), problem=body)
        for body in bodies
    ]


def _result(body: Reading, outcome: Outcome) -> ReadingResult:
    if outcome.refusal is not None:
        problem, status = in_words(outcome.refusal)
        return ReadingResult(status=status, problem=problem)
    crossings = [Crossing.of(passed) for passed in outcome.passed]
    kept = ReadingKept.model_validate(
        {
            "subscription": body.subscription,
            "meter": body.meter,
            "state": outcome.became,
            "crossings": crossings,
            "waiting": outcome.waiting,
        }
    )
    return ReadingResult(status=201 if outcome.became is Became.NEW else 200, recorded=kept)
