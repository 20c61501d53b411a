"""`carpe offers`: listed, looked at, taken back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.errors import CarpeError
from engine.offers.changing import Request, change_offer
from engine.offers.states import State
from engine.store.session import Store, open_store
from tests import offer_world
from tests.conftest import make_tables
from tests.offer_world import NOW, premium, state_of

Carpe = Callable[..., str]
RULES = offer_world.ruleset()
FOR_GOOD = {"expires_at": None}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Three customers; c0 has declined, c1 has an offer that stands, c2 one that is over."""
    make_tables(tmp_path / "carpe.db")
    monkeypatch.setenv("CARPE_DATABASE", f"sqlite:///{tmp_path / 'carpe.db'}")
    opened = open_store(f"sqlite:///{tmp_path / 'carpe.db'}")
    offer_world.people(opened, RULES)
    made = [premium(0, **FOR_GOOD), premium(1, **FOR_GOOD), premium(2, rule="add_backup", product="backup")]
    offer_world.offer_all(opened, RULES, made)
    declined = Request(State.DECLINED, "k", "shop", "too dear")
    change_offer(opened, RULES.catalog, "offer0", declined, NOW + dt.timedelta(hours=1))
    yield opened
    opened.close()


@pytest.fixture
def carpe(store: Store) -> Carpe:
    """Types a command and gives what it prints; a sentence that stops it is raised, as `main` shows it."""

    def typed(*arguments: str, told: str | None = None) -> str:
        done = CliRunner().invoke(cli, ["offers", *arguments], standalone_mode=False, input=told)
        if done.exception:
            raise done.exception
        return done.stdout

    return typed


def test_offers_are_listed(carpe: Carpe) -> None:
    listed = carpe("list").splitlines()
    assert listed[0] == "2026-03-15 offer0  premium at 36.00 USD to c0 (upgrade_now): declined."
    assert [line.split()[1] for line in listed] == ["offer0", "offer1", "offer2"]
    assert [each["id"] for each in json.loads(carpe("list", "--state", "offered", "--json"))] == ["offer1"]
    assert carpe("list", "--rule", "add_backup").count("\n") == 1
    assert carpe("list", "--customer", "nobody") == "No offers fit.\n"


def test_one_is_looked_at(carpe: Carpe) -> None:
    assert carpe("show", "offer0").splitlines() == [
        "premium at 36.00 USD to c0 (upgrade_now): declined.",
        "  2026-03-15 12:00 UTC  made",
        "  2026-03-15 13:00 UTC  declined by shop: too dear",
    ]
    [change] = json.loads(carpe("show", "offer0", "--json"))["changes"]
    assert change == {"state": "declined", "at": "2026-03-15T13:00:00+00:00", "by": "shop", "reason": "too dear"}


def test_some_are_taken_back(carpe: Carpe, store: Store) -> None:
    with pytest.raises(click.Abort):
        carpe("withdraw", "offer1", "--reason", "wrong", told="n\n")
    assert state_of(store, "offer1") == "offered"
    assert carpe("withdraw", "offer1", "--reason", "wrong", "--yes") == "Offer offer1 is withdrawn.\n"
    assert state_of(store, "offer1") == "withdrawn"
    told = carpe("withdraw", "--rule", "add_backup", "--reason", "x", told="y\n")
    assert told.endswith("Offers of add_backup withdrawn: 1.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "offer9"), "There is no offer offer9."),
        (("withdraw", "offer9", "--reason", "x", "--yes"), "There is no offer offer9."),
        (("withdraw", "offer0", "--reason", "x", "--yes"), "Offer offer0 is declined already."),
    ],
)
def test_what_cannot_be_is_one_sentence(carpe: Carpe, arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CarpeError) as told:
        carpe(*arguments)
    assert str(told.value) == sentence


@pytest.mark.parametrize("arguments", [("--reason", "x"), ("offer0", "--rule", "a", "--reason", "x")])
def test_withdrawing_needs_one_or_a_rule(carpe: Carpe, arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="Say which"):
        carpe("withdraw", *arguments)
