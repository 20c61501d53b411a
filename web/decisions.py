"""What was decided, newest first, and the receipt of each decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from engine.privacy import MASK, personal_keys, shown
from engine.reports.decisions import ReceiptDelivery, decisions, receipt
from engine.store.state import customer_rows
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
        found = receipt(connection, decision_id)
        if found is None:
            abort(404)
        secrets = _personal_values(connection, found.decision.customer_id)
    return render_template(
        "receipt.html",
        receipt=found,
        decision=found.decision,
        deliveries=[_veiled(each, secrets) for each in found.deliveries],
    )


def _personal_values(connection: Connection, customer_id: str) -> list[str]:
    """What a message may have said of this customer that is nobody else's business, longest first."""
    catalog = desk().rulebook.good().catalog
    state = customer_rows(connection, catalog, customer_id)
    rows = (state.customer, *state.subscriptions) if state else ()
    found = {shown(row[key]) for row in rows for key in personal_keys(catalog) if key in row}
    return sorted(found - {""}, key=len, reverse=True)


def _veiled(delivery: ReceiptDelivery, secrets: Iterable[str]) -> ReceiptDelivery:
    """A message was sent with personal values in it; here they are masked like everywhere."""
    subject, body = delivery.subject, delivery.body
    for secret in secrets:
        subject, body = (text.replace(secret, MASK) if text else text for text in (subject, body))
    return replace(delivery, subject=subject, body=body)


def _day(text: str) -> tuple[dt.date | None, str | None]:
    try:
        return (dt.date.fromisoformat(text) if text else None), None
    except ValueError:
        return None, f"“{text}” is no date, so every day is shown; write it as 2026-03-15."
