"""The states of an offer: which change is allowed from which, and why not."""

from __future__ import annotations

import datetime as dt

import pytest

from engine.offers.states import LIVE, State, obstacle, sources

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
FINAL = tuple(each for each in State if each not in LIVE)

ALLOWED = {
    "offered": "seen accepted declined lapsed withdrawn superseded",
    "seen": "accepted declined lapsed withdrawn superseded",
    "accepted": "",
    "declined": "",
    "lapsed": "",
    "withdrawn": "",
    "superseded": "",
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_the_table_of_changes(state: State, to: State) -> None:
    allowed = to in ALLOWED[state].split()
    assert (state in sources(to)) is allowed
    assert (obstacle(state, NOW, None, to, NOW) is None) is allowed


@pytest.mark.parametrize("state", FINAL)
def test_what_is_over_says_since_when(state: State) -> None:
    told = obstacle(state, NOW - HOUR, NOW + HOUR, State.ACCEPTED, NOW)
    assert told is not None
    assert told.endswith("on 2026-03-15 at 11:00 UTC.")


@pytest.mark.parametrize("to", [State.SEEN, State.ACCEPTED, State.DECLINED])
def test_time_is_up_at_the_instant_itself(to: State) -> None:
    assert obstacle(State.OFFERED, NOW, NOW, to, NOW - dt.timedelta(microseconds=1)) is None
    assert obstacle(State.OFFERED, NOW, NOW, to, NOW) == "The offer lapsed on 2026-03-15 at 12:00 UTC."


def test_what_lapses_is_never_too_late_for_it() -> None:
    assert obstacle(State.SEEN, NOW, NOW - HOUR, State.LAPSED, NOW) is None
