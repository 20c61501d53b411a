"""The offers of events that are decided as they come, as rows of their table in stored form."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from engine.decisions.decide import Decided
from engine.decisions.rule_table import RuleTable
from engine.offers.making import basis_of, expiry
from engine.offers.quoted import kept_quote
from engine.offers.states import State
from engine.online.asked import segment_of
from engine.online.facts import Met
from engine.online.prices import EventPrices
from engine.store.bulk import Stored, instant_text
from engine.store.documents import dump

OFFERS = (
    "id",
    "rule",
    "product",
    "customer_id",
    "subscription_id",
    "segment",
    "price",
    "currency",
    "discount",
    "quote",
    "basis",
    "made_at",
    "expires_at",
    "state",
    "state_at",
)


def offers_of(
    decided: Decided,
    rules: RuleTable,
    prices: EventPrices,
    met: Sequence[Met],
    whose: Sequence[tuple[str, str, dt.datetime]],
    ids: Sequence[str],
    now: dt.datetime,
) -> list[Sequence[Stored]]:
    """One a winner that offers something. `ids` has the decision of each candidate, `whose` is by row."""
    found, made = decided.candidates, instant_text(now)
    rows: list[Sequence[Stored]] = []
    for place in np.flatnonzero(decided.won & (found.asked >= 0)).tolist():
        row, rule = int(found.row[place]), rules.rules[found.rule[place]]
        amounts = prices.amounts(row, int(found.asked[place]))
        customer, zone, _ = whose[row]
        ends = expiry(rule, now, zone)
        rows.append(
            (
                ids[place],
                rule.name,
                amounts.product,
                customer,
                met[row].subscription,
                segment_of(met[row].row, rules.catalog),
                amounts.price,
                amounts.currency,
                amounts.discount_cost,
                dump(dict(kept_quote(amounts))),
                dump(basis_of(met[row].row)),
                made,
                None if ends is None else instant_text(ends),
                str(State.OFFERED),
                made,
            )
        )
    return rows


def shown(rows: Sequence[Sequence[Stored]]) -> Mapping[tuple[str, str, str], int]:
    """What is counted of such rows: (product, segment, "shown")."""
    product, segment = OFFERS.index("product"), OFFERS.index("segment")
    return Counter((str(row[product]), str(row[segment]), "shown") for row in rows)
