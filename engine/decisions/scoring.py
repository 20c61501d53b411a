"""What each candidate brings: its price, and the score that arbitration goes by.

    score = propensity x (value + worth)

The value is the quote's: the margin over the horizon, less that of the plan which the offer replaces. Both are in major
units, each in its own currency; nothing is converted. Without a propensity (nobody asked for one) everything counts as
accepted. What makes no offer is worth its `worth`, which is nothing unless somebody said so.
"""

from __future__ import annotations

import numpy as np

from engine.decisions.candidates import Candidates, Case


def hold_priceless(found: Candidates, case: Case) -> None:
    """Price what is free and offers something; hold what has no price."""
    prices = case.before.prices
    mine = np.flatnonzero((found.asked >= 0) & (found.reason == 0))
    if prices is None or not mine.size:
        return
    priced = prices.priced(found.row[mine], found.asked[mine])
    found.value[mine], found.cost[mine], found.currency[mine] = priced.value, priced.cost, priced.currency
    if priced.reason.any():
        first = case.told(priced.texts)
        found.reason[mine] = priced.reason
        found.detail[mine] = np.where(priced.detail >= 0, priced.detail + first, priced.detail)


def score(found: Candidates, case: Case) -> None:
    """Set the scores of what is free."""
    propensity = case.before.propensity
    found.score[:] = found.value + case.rules.worth[found.rule]
    mine = np.flatnonzero((found.product >= 0) & (found.reason == 0))
    if propensity is not None and mine.size:
        found.score[mine] *= propensity.rate(found.row[mine], found.product[mine])
