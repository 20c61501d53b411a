"""Why a match was held: the codes that are stored, and what each says to a person."""

from __future__ import annotations

from collections.abc import Mapping

ALREADY_HAS = "already_has"
NEEDS_PLAN = "needs_plan"
NO_SUBSCRIPTION = "no_subscription"
NO_CONSENT = "no_consent"
OUTRANKED = "outranked"
PAUSED = "paused"

TOO_LATE = "too_late"
"""Why an occurrence was missed."""

CODES: tuple[str | None, ...] = (None, PAUSED, NO_SUBSCRIPTION, ALREADY_HAS, NEEDS_PLAN, NO_CONSENT, OUTRANKED)
"""The reasons by the numbers that deciding counts with; 0 is none. Numbers are never stored."""

NUMBER: Mapping[str, int] = {code: number for number, code in enumerate(CODES) if code is not None}

# code: what it says of many, what it says of one (with the detail kept beside the code)
_WORDING = {
    ALREADY_HAS: ("they already have it", "the subscription already has {detail}"),
    NEEDS_PLAN: ("their plan does not support it", "the subscription's plan does not support {detail}"),
    NO_SUBSCRIPTION: ("they have no subscription to add it to", "there is no subscription to add {detail} to"),
    NO_CONSENT: ("they have not agreed to be written to", "the customer has not agreed to messages by {detail}"),
    PAUSED: ("the rule is paused",) * 2,
    TOO_LATE: ("it was too late to catch up",) * 2,
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
