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
    MET_LATELY: ("the rule reached them lately", "this rule reached the customer within {detail} already"),
    DECLINED_LATELY: ("they declined it lately", "the customer declined this product less than {detail} ago"),
    OFFERED_LATELY: ("they were offered it lately", "the customer is offered this product within {detail} already"),
    TOO_SOON: (
        "another offer is too close in time",
        "the customer has another offer within {detail}, which is too close",
    ),
    CAPPED: (
        "they have as many contacts as a cap allows",
        "the customer has as many contacts as the cap allows, {detail}",
    ),
    QUIET_HOURS: ("it falls into quiet hours", "it falls into the quiet hours of {detail}"),
}
"""Code: what it says of many customers, what it says of one with the detail kept beside the code."""
