"""Why a match was held: the codes that are stored, and what each says to a person."""

from __future__ import annotations

from engine.budgets.refusals import BUDGET_SPENT, NO_BUDGET, PLACES_TAKEN

ALREADY_HAS = "already_has"
NEEDS_PLAN = "needs_plan"
NO_SUBSCRIPTION = "no_subscription"
NO_CONSENT = "no_consent"
OUTRANKED = "outranked"
PAUSED = "paused"

TOO_LATE = "too_late"
"""Why an occurrence was missed."""

# code: what it says of many, what it says of one (with the detail kept beside the code)
_WORDING = {
    ALREADY_HAS: ("they already have it", "the subscription already has {detail}"),
    NEEDS_PLAN: ("their plan does not support it", "the subscription's plan does not support {detail}"),
    NO_SUBSCRIPTION: ("they have no subscription to add it to", "there is no subscription to add {detail} to"),
    NO_CONSENT: ("they have not agreed to be written to", "the customer has not agreed to messages by {detail}"),
    PAUSED: ("the rule is paused",) * 2,
    TOO_LATE: ("it was too late to catch up",) * 2,
    PLACES_TAKEN: ("as many customers were reached as may be", "the limit of {detail} is reached"),
    BUDGET_SPENT: ("the budget is spent", "the discount does not fit the budget of {detail} any more"),
    NO_BUDGET: ("the rule has no budget in their currency", "the rule has no budget in {detail}"),
    OUTRANKED: ("another rule won the occasion", "{detail} won the occasion"),
}


def summary(reason: str) -> str:
    """A reason said of many customers, without a capital or a stop."""
    return _WORDING[reason][0] if reason in _WORDING else reason.replace("_", " ")


def sentence(reason: str, detail: str | None) -> str:
    """A reason said of one decision, with what it is about, without a capital or a stop."""
    if reason not in _WORDING or not detail:
        return summary(reason)
    return _WORDING[reason][1].format(detail=detail)
