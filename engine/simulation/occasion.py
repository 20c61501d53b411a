"""What would be decided on one occasion: the calls of a pass, stopped before anything is written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.decisions.batch_precedents import batch_precedents
from engine.decisions.effects import Effects
from engine.decisions.occasions import Part, merge
from engine.decisions.priced_by import with_price_facts
from engine.decisions.results import outcome
from engine.decisions.written import written
from engine.plans import Plans
from engine.reports.decisions import DecisionLine, line
from engine.store.experiments import split_arms


def would_be(
    plans: Plans, parts: Sequence[Part], now: dt.datetime, connection: sa.Connection
) -> tuple[DecisionLine, ...]:
    """The decisions that a first meeting of these occurrences would make, winners first.

    Limits are left aside: who comes first is not known.
    """
    if not parts:
        return ()
    batch = with_price_facts(connection, merge(parts, plans.rule_table), plans.price_facts)
    known = batch_precedents(connection, batch, now, binding=False)
    decided = outcome(batch, frozenset(), {}, precedents=known)
    found = written(decided, now, ruleset=plans.ruleset.digest, pass_id=None)
    rows = zip(found.decisions.to_pylist(), decided.decided.candidates.score.tolist(), strict=True)
    terms = _terms(found.effects)
    return tuple(
        line(row | {"channels": json.loads(row["channels"]), "score": score} | terms.get(row["id"], {}))
        for row, score in rows
    )


def _terms(effects: Effects) -> dict[str, dict[str, Any]]:
    """By decision: the price of its offer, and the arm of the rule's experiment."""
    priced = [] if effects.offers is None else effects.offers.select(["id", "price", "currency"]).to_pylist()
    found: dict[str, dict[str, Any]] = {each.pop("id"): each for each in priced}
    for key, arm in split_arms(effects.exposures).items():
        found.setdefault(key, {})["arm"] = arm
    return found
