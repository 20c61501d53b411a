"""What comes of events that are decided as they come, beside their deliveries: arms, exposures, draws and offers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.decisions.effects import Effects
from engine.decisions.exposed import exposures
from engine.decisions.policy import due_by_channel
from engine.decisions.rule_table import RuleTable
from engine.decisions.taken import takings
from engine.online.deciding import Outcome
from engine.online.offered import OFFERS, offers_of
from engine.online.results import Rows
from engine.reports.decisions import DecisionLine, with_terms
from engine.store.bulk import instant_text
from engine.store.experiments import split_arms

_PRICE, _CURRENCY = OFFERS.index("price"), OFFERS.index("currency")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def add_effects(rows: Rows, outcome: Outcome, rules: RuleTable, now: dt.datetime) -> None:
    """Add them to the rows, which have the decisions of all candidates in their order."""
    ids = [str(decision[0]) for decision in rows.decisions]
    decided, known = outcome.decided, outcome.precedents
    people = [customer for customer, *_ in outcome.whose]
    rows.offers += offers_of(decided, rules, outcome.prices, outcome.met, outcome.whose, ids, now)
    rows.effects = Effects(
        known.armed.new,
        exposures(decided, rules, known.armed.arms, ids, people),
        known.limited.opened,
        takings(decided, rules, known.limited.opened, ids, people),
        None,
    )


def with_all_terms(lines: Sequence[tuple[DecisionLine, ...]], rows: Rows) -> Sequence[tuple[DecisionLine, ...]]:
    """Lines with the prices of their offers and the arms of their experiments, as they are read later."""
    terms: dict[str, dict[str, Any]] = {key: {"arm": arm} for key, arm in split_arms(rows.effects.exposures).items()}
    for row in rows.offers:
        terms.setdefault(str(row[0]), {}).update(price=row[_PRICE], currency=row[_CURRENCY])
    if not terms:
        return lines
    return [tuple(with_terms(one, terms[one.id]) if one.id in terms else one for one in some) for some in lines]


def waiting(outcome: Outcome, rules: RuleTable) -> dict[int, dict[str, str]]:
    """Of winners (by place) the channels whose quiet hours make wait, and until when, in stored form."""
    reach = outcome.precedents.reach
    winners = np.flatnonzero(outcome.decided.won)
    if reach is None or not len(winners):
        return {}
    found: dict[int, dict[str, str]] = {}
    for channel, instants in due_by_channel(outcome.decided.candidates, rules, reach, winners).items():
        for place, micros in zip(winners.tolist(), instants.tolist(), strict=True):
            found.setdefault(place, {})[channel] = instant_text(_EPOCH + dt.timedelta(microseconds=micros))
    return found
