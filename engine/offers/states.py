"""The states of an offer, and which change is allowed from which: pure.

    offered ──> seen ──> accepted | declined
       └─────────┴─────> lapsed | withdrawn | superseded

`offered` and `seen` are *live*; all others are final. An offer may be accepted or declined without having been seen. It
*lapses* when its time is up, is *withdrawn* by the business (also where no message of it ever left), and *superseded*
when the customer takes another offer in its place. From the instant at which it expires an offer is too late for
everything but lapsing, whether or not somebody has written that down yet.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum


class State(StrEnum):
    OFFERED = "offered"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


LIVE = (State.OFFERED, State.SEEN)
"""The states from which something may still become of an offer."""

_FROM = {
    State.SEEN: (State.OFFERED,),
    State.ACCEPTED: LIVE,
    State.DECLINED: LIVE,
    State.LAPSED: LIVE,
    State.WITHDRAWN: LIVE,
    State.SUPERSEDED: LIVE,
}

_BECAME = {
    State.OFFERED: "was made",
    State.SEEN: "was seen already",
    State.ACCEPTED: "was accepted already",
    State.DECLINED: "was declined",
    State.LAPSED: "lapsed",
    State.WITHDRAWN: "was withdrawn",
    State.SUPERSEDED: "was replaced by another",
}


def sources(to: State) -> tuple[State, ...]:
    """The states from which an offer may become `to`; none for `offered`, which nothing becomes again."""
    return _FROM.get(to, ())


def is_late(to: State, expires_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether the offer's time is up for this change. Instants are aware."""
    return to in (State.SEEN, State.ACCEPTED, State.DECLINED) and expires_at is not None and expires_at <= now


def obstacle(
    state: State, state_at: dt.datetime, expires_at: dt.datetime | None, to: State, now: dt.datetime
) -> str | None:
    """Why an offer in this state since `state_at` cannot become `to` at `now`, as one sentence; None where it can."""
    if state not in sources(to):
        return f"The offer {_BECAME[state]} on {_day(state_at)}."
    if expires_at is not None and is_late(to, expires_at, now):
        return f"The offer lapsed on {_day(expires_at)}."
    return None


def _day(instant: dt.datetime) -> str:
    return f"{instant.astimezone(dt.UTC):%Y-%m-%d at %H:%M} UTC"
