"""Why a match was held: the codes that are stored, and the sentence that each says to a person."""

from __future__ import annotations

ALREADY_HAS = "already_has"
NEEDS_PLAN = "needs_plan"
NO_SUBSCRIPTION = "no_subscription"
NO_CONSENT = "no_consent"
OUTRANKED = "outranked"

_SENTENCES = {
    ALREADY_HAS: "the subscription already has {detail}",
    NEEDS_PLAN: "the subscription's plan does not support {detail}",
    NO_SUBSCRIPTION: "an add-on needs a subscription, and the customer has none",
    NO_CONSENT: "the customer has not agreed to messages by {detail}",
    OUTRANKED: "{detail} won this occasion",
}


def sentence(reason: str, detail: str | None) -> str:
    """A held decision's reason in plain English, without a capital or a stop."""
    return _SENTENCES.get(reason, reason.replace("_", " ")).format(detail=detail or "something")
