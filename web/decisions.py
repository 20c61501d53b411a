"""What was decided, newest first, and the receipt of each decision."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from engine.offers.reading import changes
from engine.reports.decisions import decisions, receipt
from web.desk import desk
from web.layout import RESULTS

pages = Blueprint("decisions", __name__)

PAGE = 50


@pages.get("/decisions")
def listing() -> ResponseReturnValue:
    asked = {name: request.args.get(name, "").strip() for name in ("rule", "customer", "result", "day")}
    day, problem = _day(asked["day"])
    page = max(1, request.args.get("page", 1, type=int))
    result = asked["result"] if asked["result"] in RESULTS else None
    with desk().store.read() as connection:
        found = decisions(
            connection,
            rule=asked["rule"] or None,
            customer=asked["customer"] or None,
            result=result,
            day=day,
            limit=PAGE + 1,
            offset=(page - 1) * PAGE,
        )
    loaded = desk().rulebook.current()
    return render_template(
        "decisions.html",
        lines=found[:PAGE],
        more=len(found) > PAGE,
        page=page,
        asked=asked,
        filters={name: value for name, value in asked.items() if value},
        problem=problem,
        rules=sorted(rule.name for rule in loaded.ruleset.rules) if loaded.ruleset else [],
    )


@pages.get("/decisions/<decision_id>")
def one(decision_id: str) -> ResponseReturnValue:
    with desk().store.read() as connection:
        changed = changes(connection, decision_id)
        found = receipt(connection, decision_id, desk().clock())
        if found is None:
            abort(404)
    return render_template(
        "receipt.html",
        receipt=found,
        decision=found.decision,
        deliveries=found.deliveries,
        offer=found.offer,
        changes=changed,
    )


def _day(text: str) -> tuple[dt.date | None, str | None]:
    try:
        return (dt.date.fromisoformat(text) if text else None), None
    except ValueError:
        return None, f"“{text}” is no date, so every day is shown; write it as 2026-03-15."
