"""`carpe status`, `pause` and `resume`, and what `carpe run` says while nothing may be decided."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.clock import utc_now
from engine.clock_hold import hold_clock, remember_beat
from engine.errors import CarpeError
from engine.store.session import Store, open_store
from tests import world
from tests.conftest import make_tables

Carpe = Callable[..., str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(world.CATALOG)
    (tmp_path / "all.rules").write_text(world.RULES)
    make_tables(tmp_path / "carpe.db")
    return tmp_path


@pytest.fixture
def carpe(place: Path, monkeypatch: pytest.MonkeyPatch) -> Carpe:
    """Types a command and gives what it prints; a sentence that stops it is raised, as `main` shows it."""
    monkeypatch.setenv("CARPE_DATABASE", f"sqlite:///{place / 'carpe.db'}")
    monkeypatch.setenv("CARPE_RULES", str(place))

    def typed(*arguments: str) -> str:
        done = CliRunner().invoke(cli, arguments, standalone_mode=False)
        if done.exception:
            raise done.exception
        return done.stdout

    return typed


@pytest.fixture
def store(place: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{place / 'carpe.db'}")
    yield opened
    opened.close()


def test_a_rule_stands_still_until_it_is_resumed(carpe: Carpe):
    assert carpe("pause", "Wishes", "--reason", "the wording") == "wishes is paused; `carpe resume wishes` goes on.\n"
    assert ": the wording" in carpe("status")
    assert [each["rule"] for each in json.loads(carpe("status", "--json"))["pauses"]] == ["wishes"]
    assert carpe("resume") == "There was no pause of everything. Still paused by name: wishes.\n"
    assert carpe("resume", "WISHES") == "wishes goes on.\n"
    assert json.loads(carpe("status", "--json"))["pauses"] == []


def test_mistakes_are_one_sentence(carpe: Carpe):
    with pytest.raises(CarpeError, match=r'^There is no rule called "wishs"; did you mean wishes\?$'):
        carpe("pause", "wishs", "--reason", "x")
    carpe("pause", "wishes", "--reason", "x")
    with pytest.raises(CarpeError, match=r'^The rule "wishs" is not paused; did you mean wishes\?$'):
        carpe("resume", "wishs")
    with pytest.raises(CarpeError, match=r'^The rule "premium" is not paused\.$'):
        carpe("resume", "premium")


def test_while_everything_is_paused_no_run_begins(carpe: Carpe):
    assert carpe("pause", "--reason", "wrong prices") == "Everything is paused; `carpe resume` goes on.\n"
    with pytest.raises(CarpeError, match=r"\(wrong prices\); `carpe resume` goes on\.$"):
        carpe("run", "--as-of", "2026-03-16")
    assert json.loads(carpe("status", "--json"))["state"] == "paused"
    assert carpe("resume", "--accept-clock") == "The clock was not held.\n"
    assert carpe("resume") == "Everything goes on.\n"
    assert carpe("run", "--as-of", "2026-03-16")


def test_a_clock_behind_stops_a_run_until_somebody_accepts_it(carpe: Carpe, store: Store):
    with store.write() as connection:
        remember_beat(connection, utc_now() + dt.timedelta(days=1))
    for _ in range(2):
        with pytest.raises(CarpeError, match=r"a scheduler worked here at .* `carpe resume --accept-clock` goes on\.$"):
            carpe("run")
    assert carpe("run", "--accept-clock")
    assert carpe("run")


def test_resuming_accepts_the_clock_and_nothing_else(carpe: Carpe, store: Store):
    carpe("pause", "--reason", "wrong prices")
    with store.write() as connection:
        hold_clock(connection, "The clock was set forward by 9 hours.", utc_now())
    assert carpe("status").startswith("Nothing is decided: the clock is suspect.")
    with pytest.raises(CarpeError, match=r"^The clock was set forward by 9 hours\."):
        carpe("run")
    assert carpe("resume", "--accept-clock") == "The clock is accepted; what waited goes on.\n"
    assert json.loads(carpe("status", "--json"))["state"] == "paused"


def test_what_is_wrong_with_the_rules_is_in_the_status(carpe: Carpe, place: Path):
    assert json.loads(carpe("status", "--json"))["trouble"] is None
    (place / "all.rules").write_text(world.RULES + "rule broken on birthdy offer premium\n")
    told = json.loads(carpe("status", "--json"))
    assert told["trouble"].startswith("What is broken does not run: there is 1 error in ")
    assert "birthdy is not a moment); `carpe check` shows it." in told["trouble"]
    said = carpe("status")
    assert said.splitlines()[0].endswith(told["trouble"])
    assert f"            {told['trouble']}" in said.splitlines()
