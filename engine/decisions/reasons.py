"""Why a match was held: the codes that are stored, and what each says to a person."""

from __future__ import annotations

from collections.abc import Mapping

from engine.budgets.refusals import BUDGET_SPENT, NO_BUDGET, PLACES_TAKEN
from engine.contacts import reasons as contacts
from engine.pricing import refusals

ALREADY_HAS = "already_has"
NEEDS_PLAN = "needs_plan"
NO_SUBSCRIPTION = "no_subscription"
NO_CONSENT = contacts.NO_CONSENT
OFFER_STANDS = "offer_stands"
NO_PATH = "no_path"
NEEDS_ADDON = "needs_addon"
EXCLUDED = "excluded"
OUTRANKED = "outranked"
PAUSED = "paused"

PORTFOLIO = "portfolio_hold_out"
HOLD_OUT = "hold_out"
CONTROL = "control_arm"
HELD_OUT = (PORTFOLIO, HOLD_OUT, CONTROL)
"""Not held by anything but an experiment."""

TOO_LATE = "too_late"
"""Why an occurrence was missed."""

CODES: tuple[str | None, ...] = (
    None,
    PAUSED,
    NO_SUBSCRIPTION,
    ALREADY_HAS,
    NEEDS_PLAN,
    NO_PATH,
    NEEDS_ADDON,
    EXCLUDED,
    OFFER_STANDS,
    *refusals.WORDING,
    *contacts.WORDING,
    OUTRANKED,
    PLACES_TAKEN,
    BUDGET_SPENT,
    NO_BUDGET,
    *HELD_OUT,
)
"""The reasons by the numbers that deciding counts with; 0 is none. Numbers are never stored."""

NUMBER: Mapping[str, int] = {code: number for number, code in enumerate(CODES) if code is not None}

# code: what it says of many, what it says of one (with the detail kept beside the code)
_WORDING = {
    ALREADY_HAS: ("they already have it", "the subscription already has {detail}"),
    NEEDS_PLAN: ("their plan does not support it", "the subscription's plan does not support {detail}"),
    NO_SUBSCRIPTION: ("they have no subscription to add it to", "there is no subscription to add {detail} to"),
    NO_PATH: (
        "there is no way to it from their plan",
        "the catalog has no way from the subscription's plan to {detail}",
    ),
    NEEDS_ADDON: ("they lack an add-on that it needs", "the subscription lacks an add-on that {detail} needs"),
    EXCLUDED: ("they have something that it does not go with", "{detail} does not go with what the subscription has"),
    OFFER_STANDS: ("an offer of it is open already", "the customer already has an open offer of {detail}"),
    **refusals.WORDING,
    **contacts.WORDING,
    PORTFOLIO: (
        "they are kept out of every rule, to measure what all of them bring",
        "the customer is kept out of every rule, to measure what all of them bring",
    ),
    HOLD_OUT: (
        "they are held out, to measure what the rule brings",
        "the customer is held out of this rule, to measure what it brings",
    ),
    CONTROL: (
        "they are in the arm that gets nothing, to measure what the others bring",
        "the customer is in the arm that gets nothing, to measure what the others bring",
    ),
    PAUSED: ("the rule is paused",) * 2,
    TOO_LATE: ("it was too late to catch up",) * 2,
    PLACES_TAKEN: ("as many customers were reached as may be", "the limit of {detail} is reached"),
    BUDGET_SPENT: ("the budget is spent", "what is left of the budget of {detail} does not cover the discount"),
    NO_BUDGET: (
        "the rule has no budget in their currency",
        "the discount is in {detail}, and the rule has no budget in that currency",
    ),
    OUTRANKED: ("another rule won the occasion", "{detail} won the occasion"),
}


def summary(reason: str) -> str:
    """A reason said of many customers, without a capital or a stop."""
    return _WORDING[reason][0] if reason in _WORDING else reason.replace("_", " ")


def sentence(reason: str, detail: str | None) -> str:
    """A reason said of one decision, with what it is about, without a capital or a stop."""
    of_one = _WORDING[reason][1] if reason in _WORDING else "{detail}"
    return of_one.format(detail=detail) if detail or "{detail}" not in of_one else summary(reason)
