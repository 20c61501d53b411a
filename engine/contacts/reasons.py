"""Why a contact was held by the contact policy: the codes that are stored, and what each says to a person."""

from __future__ import annotations

SUPPRESSED = "suppressed"
NO_CONSENT = "no_consent"
MET_LATELY = "met_lately"
DECLINED_LATELY = "declined_lately"
OFFERED_LATELY = "offered_lately"
TOO_SOON = "too_soon"
CAPPED = "capped"
QUIET_HOURS = "quiet_hours"

WORDING = {
    SUPPRESSED: ("they are not to be contacted", "the customer is not to be contacted by {detail}"),
    NO_CONSENT: ("they have not agreed to be written to", "the customer has not agreed to messages by {detail}"),
    MET_LATELY: ("the rule reached them lately", "the rule reached the customer within {detail}"),
    DECLINED_LATELY: ("they declined it lately", "the customer declined it within {detail}"),
    OFFERED_LATELY: ("they were offered it lately", "the customer was offered it within {detail}"),
    TOO_SOON: ("another offer is too close in time", "the customer has another offer within {detail}"),
    CAPPED: ("they have as many messages as allowed", "the customer has as many messages as allowed: {detail}"),
    QUIET_HOURS: ("it falls into quiet hours", "it falls into the quiet hours of {detail}"),
}
"""Code: what it says of many customers, what it says of one with the detail kept beside the code."""
