"""What the winners of rules with limits take of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.budgets.book import OpenLimit, Taking
from engine.decisions.decide import Decided
from engine.decisions.rule_table import RuleTable


def takings(
    decided: Decided, rules: RuleTable, opened: Sequence[OpenLimit], ids: Sequence[str], customers: Sequence[str]
) -> list[Taking]:
    """In the order of candidates. `ids` has the decision of each candidate, `customers` the customer of each row."""
    if not opened:
        return []
    limited = np.zeros(len(rules.rules), np.bool_)
    limited[[rules.number[one.limit.rule] for one in opened]] = True
    found = decided.candidates
    currencies = (*rules.currencies, None)
    return [
        Taking(
            ids[place],
            rules.rules[found.rule[place]].name,
            customers[found.row[place]],
            currencies[found.currency[place]],
            int(found.cost[place]),
        )
        for place in np.flatnonzero(decided.won & limited[found.rule]).tolist()
    ]
