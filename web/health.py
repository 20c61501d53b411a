"""`/healthz`: is it up, can it read its data, is there a ruleset to run."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import CarpeError
from web.desk import desk

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def healthz() -> ResponseReturnValue:
    try:
        with desk().store.read() as connection:
            connection.execute(select(text("1")))
        desk().rulebook.good()
    except (SQLAlchemyError, CarpeError) as error:
        reason = str(error) if isinstance(error, CarpeError) else "The database does not answer."
        return jsonify(status="failing", reason=reason), 503
    return jsonify(status="ok")
