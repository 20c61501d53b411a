"""Why a candidate found no room: the code that is stored with its decision, and what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from engine.budgets.book import OpenLimit
from engine.budgets.candidates import OTHER_CURRENCY
from engine.budgets.limits import LimitKind

PLACES_TAKEN = "places_taken"
BUDGET_SPENT = "budget_spent"
NO_BUDGET = "no_budget"


def refusal(refused_by: int, opened: Sequence[OpenLimit], currency: str | None) -> tuple[str, str]:
    """(code, detail) of what `allot` refused: by which of the open limits; `currency` is the candidate's."""
    if refused_by == OTHER_CURRENCY:
        return NO_BUDGET, str(currency)
    limit = opened[refused_by].limit
    return (PLACES_TAKEN if limit.kind is LimitKind.VOLUME else BUDGET_SPENT), str(limit)
