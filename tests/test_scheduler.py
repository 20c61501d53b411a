"""The scheduler: a tick never raises, the one with the lease works, and whatever halts it lets it go on later."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine import scheduler
from engine.alarm import Alarm
from engine.clock import utc_now
from engine.clock_hold import accept_clock, clock_state, last_beat
from engine.errors import DatabaseLocked
from engine.lease import TERM
from engine.passes import PassReport, run_pass
from engine.pauses import EVERYTHING, pause, resume
from engine.reports.status import status
from engine.reports.status_wording import lines, sentence
from engine.rulebook import Rulebook
from engine.scheduler import Scheduler
from engine.store.session import Store
from engine.store.tables import decisions, deliveries, leases, meta, workers
from engine.workers import FORGOTTEN, TICK, Worker, bury, registered
from tests import offer_world, world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "catalog.yaml").write_text(world.CATALOG)
    (folder / "all.rules").write_text(world.RULES)
    return Rulebook(folder)


@dataclass
class Machine:
    """Schedulers on one machine: its clocks, and the database's beside them."""

    store: Store
    rulebook: Rulebook
    wall: dt.datetime = NOW
    boot: float = 0.0
    left: list[int] = field(default_factory=list)
    runs: int = 0

    def scheduler(self) -> Scheduler:
        return Scheduler(
            self.store,
            self.rulebook,
            lambda: self.wall,
            boot=lambda: self.boot,
            steady=lambda: self.boot,
            database_clock=lambda connection: NOW + dt.timedelta(seconds=self.boot),
            leave_process=self.left.append,
        )

    def passes(self, time: dt.timedelta) -> None:
        self.wall += time
        self.boot += time.total_seconds()


@pytest.fixture
def machine(store: Store, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Nobody is there, so that a pass is short; `runs` counts them."""
    machine = Machine(store, rulebook)

    def counted(*arguments: Any, **options: Any) -> PassReport:
        machine.runs += 1
        return run_pass(*arguments, **options)

    monkeypatch.setattr(scheduler, "run_pass", counted)
    return machine


@pytest.fixture
def busy(machine: Machine) -> Machine:
    """A dozen customers of one time zone have their birthday."""
    born = {"customer.date_of_birth": dt.date(1990, 2, 28), "customer.marketing_ok": True}
    people = [{"customer.id": f"c{number}", **born} for number in range(12)]
    world.put(machine.store, machine.rulebook.good(), world.World(people, []), NOW)
    return machine


def count(store: Store, table: sa.Table) -> int:
    with store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def states(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.scalars(sa.select(deliveries.c.state)))


def test_a_tick_decides_and_delivers(busy: Machine):
    assert busy.scheduler().tick()
    assert count(busy.store, decisions) > 0
    assert states(busy.store) == {"sent"}
    with busy.store.read() as connection:
        assert last_beat(connection) == NOW
        assert [each.beat_at for each in registered(connection)] == [NOW]


@pytest.mark.parametrize("trouble", [DatabaseLocked(), RuntimeError("a bug")])
def test_a_tick_that_fails_is_logged_and_the_next_takes_it_up(
    machine: Machine, trouble: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fails(*arguments: object, **options: object) -> None:
        raise trouble

    one = machine.scheduler()
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "run_pass", fails)
        assert not one.tick()
    assert caplog.records
    assert one.tick()
    assert machine.runs == 1


def test_broken_rules_do_not_stop_the_good_ones(busy: Machine):
    (busy.rulebook.folder / "all.rules").write_text(world.RULES + "\nrule broken on birthdy offer premium\n")
    assert busy.scheduler().tick()
    assert count(busy.store, decisions) > 0


def test_what_is_wrong_with_its_rules_is_told_until_it_is_mended(machine: Machine, caplog: pytest.LogCaptureFixture):
    one, rules = machine.scheduler(), machine.rulebook.folder / "all.rules"
    assert one.tick()
    good = rules.read_text()
    rules.write_text("rule broken on birthdy offer premium\n")
    for _ in range(2):
        assert one.tick()
    trouble = machine.rulebook.trouble()
    assert [record.getMessage() for record in caplog.records] == [trouble]
    with machine.store.read() as connection:
        assert [each.trouble for each in registered(connection)] == [trouble]
        found = status(connection, machine.rulebook.good(), NOW)
    assert (found.rules, found.trouble) == (7, None)
    assert sentence(found) == f"Carpe decides what is due; nothing lags. {trouble}"
    assert ("Rules", f"{found.workers[0].place}: {trouble}") in list(lines(found))
    rules.write_text(good)
    assert one.tick()
    with machine.store.read() as connection:
        assert [each.trouble for each in registered(connection)] == [None]


def test_its_trouble_goes_with_it(machine: Machine):
    first, second = machine.scheduler(), machine.scheduler()
    machine.rulebook.good()
    (machine.rulebook.folder / "catalog.yaml").unlink()
    assert first.tick()
    assert second.tick()
    kept = sa.select(meta.c.key).where(meta.c.key.startswith("trouble:"))
    with machine.store.read() as connection:
        assert len(connection.scalars(kept).all()) == 2
    first.start()
    first.stop()
    with machine.store.write() as connection:
        assert len(connection.scalars(kept).all()) == 1
        bury(connection, NOW + 2 * FORGOTTEN)
        assert connection.scalars(kept).all() == []


# --- several of them -------------------------------------------------------------------------------------------------


def test_one_works_the_other_waits_and_takes_over_when_it_is_gone(machine: Machine):
    first, second = machine.scheduler(), machine.scheduler()
    assert first.tick()
    assert second.tick()
    assert machine.runs == 1
    machine.passes(TERM - TICK)
    assert second.tick()
    assert machine.runs == 1
    machine.passes(TICK)
    assert second.tick()
    assert first.tick()
    assert machine.runs == 2


def test_one_that_stops_hands_over_at_once_and_leaves_no_row(machine: Machine):
    first, second = machine.scheduler(), machine.scheduler()
    first.start()
    for _ in range(300):
        if machine.runs:
            break
        time.sleep(0.05)
    first.stop()
    assert count(machine.store, workers) == 0
    assert second.tick()
    assert machine.runs == 2


def test_one_that_slept_in_the_middle_of_a_pass_writes_nothing_more(
    busy: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """It is stopped between two batches for longer than its term; the other does all that is left, nothing twice."""
    first, second = busy.scheduler(), busy.scheduler()
    batches_begun = 0
    asks = first.check

    def sleeps(connection: sa.Connection) -> None:
        nonlocal batches_begun
        batches_begun += 1
        if batches_begun == 5:
            busy.boot += TERM.total_seconds()
            busy.wall += TERM
        asks(connection)

    monkeypatch.setattr(first, "check", sleeps)
    assert first.tick()
    assert "Another scheduler has taken over" in caplog.text
    left = count(busy.store, decisions)
    assert second.tick()
    assert first.tick()
    with busy.store.read() as connection:
        token = connection.scalar(sa.select(leases.c.token))
        done = connection.execute(sa.select(decisions.c.rule, decisions.c.subject, decisions.c.occurrence)).all()
    assert token == 2
    assert len(done) == len(set(done)) > left
    alone = busy.scheduler()
    busy.passes(TERM)
    assert alone.tick()
    assert count(busy.store, decisions) == len(done)


# --- the clock -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [400 * DAY, -3 * DAY])
def test_a_clock_that_was_set_stops_every_process_until_it_is_accepted(
    machine: Machine, step: dt.timedelta, caplog: pytest.LogCaptureFixture
):
    first, second = machine.scheduler(), machine.scheduler()
    assert first.tick()
    assert second.tick()
    machine.passes(TICK)
    machine.wall += step
    assert not first.tick()
    assert "The clock was set" in caplog.text
    assert "--accept-clock" in caplog.text
    machine.passes(TERM)
    assert second.tick()
    assert machine.runs == 1
    with machine.store.write() as connection:
        accept_clock(connection, machine.wall)
    machine.passes(TICK)
    assert first.tick()
    assert second.tick()
    assert machine.runs == 2


def test_a_step_in_the_middle_of_a_pass_rolls_its_batch_back(busy: Machine, monkeypatch: pytest.MonkeyPatch):
    one = busy.scheduler()
    asks, begun = one.check, 0

    def steps(connection: sa.Connection) -> None:
        nonlocal begun
        begun += 1
        busy.wall += 400 * DAY if begun == 4 else dt.timedelta(0)
        asks(connection)

    monkeypatch.setattr(one, "check", steps)
    assert not one.tick()
    assert begun == 4
    assert count(busy.store, decisions) < 12
    with busy.store.read() as connection:
        assert clock_state(connection).hold is not None


@pytest.mark.parametrize("time", [3 * dt.timedelta(hours=1), 2 * DAY])
def test_a_machine_that_slept_goes_on_as_after_an_outage(machine: Machine, time: dt.timedelta):
    one = machine.scheduler()
    assert one.tick()
    machine.passes(time)
    assert one.tick()
    assert machine.runs == 2


def test_one_that_starts_with_a_clock_behind_waits(machine: Machine):
    assert machine.scheduler().tick()
    machine.wall -= DAY
    late = machine.scheduler()
    late.start()
    late.stop()
    assert late.tick()
    assert machine.runs == 1
    with machine.store.read() as connection:
        hold = clock_state(connection).hold
    assert hold is not None
    assert "a scheduler worked here" in hold.reason


# --- pauses ----------------------------------------------------------------------------------------------------------


def test_while_everything_is_paused_nothing_is_decided_or_delivered(machine: Machine):
    one = machine.scheduler()
    with machine.store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
    assert one.tick()
    assert machine.runs == 0
    with machine.store.write() as connection:
        resume(connection, EVERYTHING)
    machine.passes(TICK)
    assert one.tick()
    assert machine.runs == 1


def test_a_pause_takes_effect_within_one_batch(busy: Machine, monkeypatch: pytest.MonkeyPatch):
    one = busy.scheduler()
    asks, begun = one.check, 0

    def pauses(connection: sa.Connection) -> None:
        nonlocal begun
        begun += 1
        if begun == 4:
            pause(connection, EVERYTHING, "wrong prices", NOW)
        asks(connection)

    monkeypatch.setattr(one, "check", pauses)
    assert one.tick()
    assert begun == 4


# --- the alarm and the end -------------------------------------------------------------------------------------------


def test_told_to_stop_it_ends_after_the_batch_under_way(busy: Machine, monkeypatch: pytest.MonkeyPatch):
    one = busy.scheduler()
    asks, begun = one.check, 0

    def stops(connection: sa.Connection) -> None:
        nonlocal begun
        begun += 1
        if begun == 3:
            one._stopping.set()
        asks(connection)

    monkeypatch.setattr(one, "check", stops)
    assert one.tick()
    assert begun == 3


def test_a_process_whose_tick_is_stuck_ends_itself(machine: Machine):
    one = machine.scheduler()
    one.tick()
    machine.boot += 3600
    one._watchdog.look()
    assert machine.left == [70]


def test_what_is_said_is_said_once(machine: Machine, caplog: pytest.LogCaptureFixture):
    one = machine.scheduler()
    with machine.store.write() as connection:
        pause(connection, EVERYTHING, "wrong prices", NOW)
    with caplog.at_level(logging.INFO, "carpe"):
        for _ in range(3):
            one.tick()
    assert [record.getMessage() for record in caplog.records].count(caplog.records[0].getMessage()) == 1


def test_an_alarm_set_back_by_a_day_rings_now_and_not_tomorrow():
    rung: list[dt.datetime] = []
    times = [utc_now() + DAY]  # what APScheduler was told when the clock was a day ahead
    alarm = Alarm(lambda: rung.append(utc_now()), lambda: times[0])
    alarm.start()
    try:
        assert rung == []
        times[0] = utc_now()
        alarm.ring_if_late()
        for _ in range(300):
            if rung:
                break
            time.sleep(0.01)
        assert rung
    finally:
        alarm.stop()
    alarm.ring_if_late()


def test_late_is_two_missed_ticks():
    worker = Worker("w", "here", NOW, NOW)
    assert not worker.late(NOW + 2 * TICK)
    assert worker.late(NOW + 2 * TICK + dt.timedelta(seconds=1))


def test_a_tick_lets_offers_lapse(machine: Machine) -> None:
    rules = offer_world.ruleset()
    offer_world.people(machine.store, rules)
    offer_world.offer_all(machine.store, rules, [offer_world.premium(0, expires_at=NOW)])
    assert machine.scheduler().tick()
    assert offer_world.state_of(machine.store, "offer0") == "lapsed"
