"""The alarm clock: a tick never raises, and what it missed is taken up by the next."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine import scheduler
from engine.errors import DatabaseLocked
from engine.rulebook import Rulebook
from engine.scheduler import background, tick
from engine.store.session import Store
from engine.store.tables import decisions, deliveries, passes
from tests import world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "catalog.yaml").write_text(world.CATALOG)
    (folder / "all.rules").write_text(world.RULES)
    return Rulebook(folder)


def count(store: Store, table: sa.Table) -> int:
    with store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_tick_decides_and_delivers(store: Store, rulebook: Rulebook):
    world.put(store, rulebook.good(), world.world(), NOW)
    assert tick(store, rulebook, lambda: NOW)
    assert count(store, decisions) > 0
    with store.read() as connection:
        assert set(connection.scalars(sa.select(deliveries.c.state))) == {"sent"}


@pytest.mark.parametrize("trouble", [DatabaseLocked(), RuntimeError("a bug")])
def test_a_tick_that_fails_is_logged_and_the_next_takes_it_up(
    store: Store,
    rulebook: Rulebook,
    trouble: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    world.put(store, rulebook.good(), world.world(), NOW)

    def fails(*arguments: object) -> None:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "run_pass", fails)
        assert not tick(store, rulebook, lambda: NOW)
    assert caplog.records
    assert tick(store, rulebook, lambda: NOW)
    assert count(store, decisions) > 0


def test_broken_rules_do_not_stop_the_good_ones(store: Store, rulebook: Rulebook):
    world.put(store, rulebook.good(), world.world(), NOW)
    (rulebook.folder / "all.rules").write_text(world.RULES + "\nrule broken on birthdy offer premium\n")
    assert tick(store, rulebook, lambda: NOW)
    assert count(store, decisions) > 0


def test_the_clock_ticks_at_once_in_the_background(store: Store, rulebook: Rulebook):
    world.put(store, rulebook.good(), world.world(), NOW)
    clock = background(store, rulebook, lambda: dt.datetime.now(dt.UTC))
    try:
        for _ in range(300):
            with store.read() as connection:
                finished = connection.scalars(sa.select(passes.c.finished_at)).all()
            if any(finished):
                break
            time.sleep(0.1)
        assert any(finished)
    finally:
        clock.shutdown(wait=True)
