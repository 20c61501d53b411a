"""`/healthz`: is it up, can it read its data, is there a ruleset to run, does a scheduler that should work do so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from engine.clock_hold import clock_state
from engine.errors import CarpeError
from engine.pauses import EVERYTHING, paused
from engine.workers import MISSED, Worker, registered
from web.desk import desk

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 while all is well, or while Carpe waits for a person (`status` says so); else 503 with a reason.

    `rules` is why the rules that run are not what the files say.
    """
    try:
        with desk().store.read() as connection:
            found = _standing(connection) | {"rules": desk().rulebook.live().trouble}
    except (SQLAlchemyError, CarpeError) as error:
        reason = str(error) if isinstance(error, CarpeError) else "The database does not answer."
        return jsonify(status="failing", reason=reason), 503
    return jsonify(found), 503 if found["status"] == "failing" else 200


def _standing(connection: Connection) -> dict[str, Any]:
    hold = clock_state(connection).hold
    everything = EVERYTHING in paused(connection)
    workers = registered(connection)
    watched = _watched(workers)
    late = watched is not None and watched.late(desk().clock())
    waits = "clock_held" if hold else "paused" if everything else "ok"
    return {
        "status": "failing" if late else waits,
        "reason": _late(watched) if watched and late else None,
        "clock_held": hold.reason if hold else None,
        "paused": everything,
        "schedulers": len(workers),
        "last_tick": watched.beat_at.isoformat() if watched else None,
    }


def _watched(workers: Sequence[Worker]) -> Worker | None:
    """The scheduler of this process, where it has one; else the freshest of all that have not signed off."""
    own = (each for each in workers if each.id == desk().worker)
    return next(own, workers[0] if workers else None)


def _late(worker: Worker) -> str:
    return f"The scheduler has missed {MISSED} ticks: its last sign of life was at {worker.beat_at:%H:%M:%S} UTC."
