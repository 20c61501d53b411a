"""The clock guard: steps of the clock are told, whatever else happens to a machine is not; a hold stops everybody."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from engine import halts
from engine.clock_guard import BACK, FORWARD, KEPT, ClockGuard, behind
from engine.clock_hold import accept_clock, clock_state, hold_clock, last_beat, remember_beat
from engine.halts import ClockHeld, begin_by_the_clock, refuse_halted
from engine.store.session import Store
from engine.workers import beat, registered, this_worker

NOW = dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC)  # half an hour before summer time begins in Europe
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


class Machine:
    """Its two clocks: time passes on both, a person or a time service sets one."""

    def __init__(self) -> None:
        self.wall, self.boot = NOW, 1000.0

    def passes(self, time: dt.timedelta) -> None:
        self.wall += time
        self.boot += time.total_seconds()

    def is_set(self, by: dt.timedelta) -> None:
        self.wall += by

    def guard(self) -> ClockGuard:
        return ClockGuard(lambda: self.wall, lambda: self.boot)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (FORWARD, None),
        (FORWARD + MINUTE, "set forward by 121 minutes"),
        (400 * DAY, "set forward by 400 days"),
        (-BACK, None),
        (-BACK - MINUTE, "set back by 2 minutes"),
        (-5 * dt.timedelta(hours=1), "set back by 5 hours"),
    ],
)
def test_a_step_is_told_beyond_its_limit(machine: Machine, by: dt.timedelta, told: str | None) -> None:
    guard = machine.guard()
    assert guard.look(None) is None
    machine.passes(MINUTE)
    machine.is_set(by)
    found = guard.look(None)
    assert found is None if told is None else told in (found or "")


@pytest.mark.parametrize("slept_at", [4, 5, 6])
def test_a_machine_that_sleeps_just_between_its_two_clocks_is_no_step(machine: Machine, slept_at: int) -> None:
    """The guard's readings of a clock are numbered: it sleeps for three hours after one of them."""
    asked = 0

    def then_sleep(told: object) -> object:
        nonlocal asked
        asked += 1
        if asked == slept_at:
            machine.passes(3 * dt.timedelta(hours=1))
        return told

    guard = ClockGuard(lambda: then_sleep(machine.wall), lambda: then_sleep(machine.boot))
    assert [guard.look(None) for _ in range(3)] == [None, None, None]
    machine.is_set(dt.timedelta(hours=5))
    assert guard.look(None)


@pytest.mark.parametrize("time", [MINUTE, 3 * dt.timedelta(hours=1), 90 * DAY])
def test_time_that_passes_is_no_step(machine: Machine, time: dt.timedelta) -> None:
    """Asleep for a weekend, stopped in a debugger, through a change to summer time: both clocks went on."""
    guard = machine.guard()
    for _ in range(3):
        assert guard.look(None) is None
        machine.passes(time)


def test_small_steps_of_one_day_add_up(machine: Machine) -> None:
    guard = machine.guard()
    found = []
    for _ in range(4):
        found.append(guard.look(None))
        machine.passes(MINUTE)
        machine.is_set(dt.timedelta(seconds=-25))
    assert [bool(each) for each in found] == [False, False, False, True]


def test_a_clock_that_drifts_slowly_is_let_be(machine: Machine) -> None:
    """A time service slews by 500 parts in a million at most: 43 seconds a day, for a month."""
    guard = machine.guard()
    for _ in range(30 * 24):
        assert guard.look(None) is None
        machine.passes(KEPT / 24)
        machine.is_set(-KEPT / 24 * 500e-6)


def test_once_accepted_the_new_clock_is_the_measure(machine: Machine) -> None:
    guard = machine.guard()
    guard.look(None)
    machine.is_set(400 * DAY)
    assert guard.look(None)
    assert guard.look("yes, by a person") is None
    machine.passes(MINUTE)
    assert guard.look("yes, by a person") is None
    machine.is_set(-400 * DAY)
    assert guard.look("yes, by a person")


def test_a_process_that_starts_compares_with_the_last_sign_of_life() -> None:
    assert behind(NOW, None) is None
    assert behind(NOW, NOW - 90 * DAY) is None  # an outage
    assert behind(NOW, NOW + BACK) is None
    found = behind(NOW, NOW + BACK + MINUTE)
    assert found == "The clock says 2026-03-29 00:30 UTC, but a scheduler worked here at 2026-03-29 00:32 UTC already."


# --- the hold --------------------------------------------------------------------------------------------------------


def test_a_hold_stops_every_process_until_a_person_accepts(store: Store) -> None:
    with store.write() as connection:
        refuse_halted(connection)
        hold_clock(connection, "The clock was set forward by 9 hours.", NOW)
        hold_clock(connection, "Another reason.", NOW + MINUTE)
    with store.read() as connection:
        with pytest.raises(ClockHeld, match=r"^The clock was set forward by 9 hours\. .*--accept-clock") as told:
            refuse_halted(connection)
        assert "\n" not in str(told.value)
        hold = clock_state(connection).hold
        assert hold is not None
        assert hold.since == NOW
    with store.write() as connection:
        assert accept_clock(connection, NOW)
        refuse_halted(connection)
        assert not accept_clock(connection, NOW + MINUTE)


def test_each_acceptance_is_another(store: Store) -> None:
    names = []
    for minute in range(3):
        with store.write() as connection:
            accept_clock(connection, NOW + minute * MINUTE)
            names.append(clock_state(connection).accepted)
    assert len(set(names)) == 3


def test_the_last_sign_of_life_outlives_its_process_and_moves_forward_only(store: Store) -> None:
    with store.write() as connection:
        assert last_beat(connection) is None
        for at in (NOW, NOW + DAY, NOW - DAY):
            remember_beat(connection, at)
        assert last_beat(connection) == NOW + DAY
        beat(connection, this_worker("carpe scheduler", NOW), NOW + 2 * DAY)
        assert last_beat(connection) == NOW + 2 * DAY


def test_starting_with_a_clock_that_is_behind_holds_until_it_is_accepted(store: Store) -> None:
    with store.write() as connection:
        remember_beat(connection, NOW + DAY)
        beat(connection, this_worker("carpe scheduler", NOW), NOW + DAY)
    begin_by_the_clock(store, lambda: NOW)
    with store.read() as connection, pytest.raises(ClockHeld, match="a scheduler worked here"):
        refuse_halted(connection)
    begin_by_the_clock(store, lambda: NOW, accept=True)
    begin_by_the_clock(store, lambda: NOW)
    with store.read() as connection:
        refuse_halted(connection)
        assert last_beat(connection) == NOW
        assert registered(connection) == ()  # its sign of life was given by the clock that was wrong


def test_one_that_waits_for_the_database_when_it_starts_is_not_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits, somebody else gives a sign of life: that is not from the future."""
    now = NOW

    def a_sign_of_life_after_a_wait(connection: sa.Connection) -> dt.datetime | None:
        nonlocal now
        now += 2 * MINUTE
        remember_beat(connection, now)
        return last_beat(connection)

    monkeypatch.setattr(halts, "last_beat", a_sign_of_life_after_a_wait)
    begin_by_the_clock(store, lambda: now)
    with store.read() as connection:
        refuse_halted(connection)
        assert last_beat(connection) == NOW + 2 * MINUTE
