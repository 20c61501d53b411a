"""What a customer nearly meets: the store's near misses are what the reference says of the same customer."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.matching.interpreter import holds
from engine.simulation.explain import UnknownSubject, explain
from engine.simulation.near_misses import NearMisses, UnknownMoment, near_misses
from engine.store.events import Event, put_events
from engine.store.session import Store, open_store
from tests import world
from tests.conftest import make_tables

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)
RULES = world.ruleset(
    world.RULES
    + """
rule loyal on birthday where tenure >= 36 and plan = basic and country = DE offer premium

rule mailed on birthday where email = "ada@example.com" say "Hello" via in_app
"""
)
MADE = world.world(60)
VISITOR = next(str(held["customer.id"]) for held in MADE.subscriptions if held.get("subscription.status") == "active")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    file = tmp_path_factory.mktemp("near") / "carpe.db"
    make_tables(file)
    store = open_store(f"sqlite:///{file}")
    world.put(store, RULES, MADE, NOW)
    told = [Event("e1", "website_visit", VISITOR, NOW - dt.timedelta(days=9), {"page": "/pricing", "seconds": 4.0})]
    with store.write() as connection:
        put_events(connection, RULES.catalog, told, NOW)
    return store, file


def near(filled: tuple[Store, Path], customer: str, moment: str | None = None) -> NearMisses:
    return near_misses(filled[0], RULES, customer, DAY, moment=moment)


def test_a_rule_is_near_where_one_of_its_clauses_is_not_true(filled: tuple[Store, Path]):
    """Of the rules that are plain conjunctions, on every subscription of every customer."""
    named = {"renew": "renewal", "backup_for_rich": "billing_anniversary", "loyal": "birthday"}
    people, seen = {one["customer.id"]: one for one in MADE.customers}, 0
    for whose, person in people.items():
        found = near(filled, str(whose))
        missed = {(miss.rule, miss.subscription) for miss in found.misses}
        for held in MADE.subscriptions:
            if held["customer.id"] != whose or held.get("subscription.status") in (None, "cancelled"):
                continue
            for name in named:
                rule = RULES.rule(name)
                assert rule is not None
                parts = getattr(rule.condition, "items", (rule.condition,))
                row = {**person, **held, "subscription.currency": "USD"}
                if (money := held.get("subscription.mrr")) is not None:
                    row["subscription.currency"] = money.currency
                failing = [part for part in parts if holds(part, row, DAY) is not True]
                assert ((name, held["subscription.id"]) in missed) == (len(failing) == 1)
                seen += len(failing) == 1
    assert seen > 20


def test_an_event_moment_is_taken_with_the_properties_of_the_last_event(filled: tuple[Store, Path]):
    (curious,) = {miss.wanted for miss in near(filled, VISITOR, "website_visit").misses}
    assert [(one.would, one.reads) for one in curious] == [("seconds is more than 10", "4")]


def test_what_time_alone_brings_is_first_and_has_its_day(filled: tuple[Store, Path]):
    found = near(filled, "c0001").misses
    waiting = [bool(miss.wanted[0].starts) for miss in found]
    assert waiting == sorted(waiting, reverse=True)
    everyone = [miss for one in MADE.customers for miss in near(filled, str(one["customer.id"])).misses]
    started = {str(held["subscription.id"]): held.get("subscription.started_on") for held in MADE.subscriptions}
    soon = [miss for miss in everyone if miss.rule == "billing_anniversary_offer_premium" and miss.wanted[0].starts]
    assert soon
    for miss in soon:
        since, starts = started[str(miss.subscription)], miss.wanted[0].starts
        assert isinstance(since, dt.date)
        assert starts is not None
        assert (starts.year - since.year) * 12 + starts.month - since.month in (13, 14)
        assert miss.wanted[0].would == "tenure is more than 12 months"


def test_personal_values_are_masked(filled: tuple[Store, Path]):
    mailed = next(miss for miss in near(filled, "c0002").misses if miss.rule == "mailed")
    assert mailed.wanted[0].reads == "•••"


def test_who_and_what_is_unknown_is_said(filled: tuple[Store, Path]):
    with pytest.raises(UnknownSubject, match="no customer nobody"):
        near(filled, "nobody")
    with pytest.raises(UnknownMoment, match=r"No rule listens to wedding on 2026-02-28; choose .*birthday"):
        near(filled, "c0001", "wedding")


def test_an_explanation_says_from_when_a_clause_of_time_is_true(filled: tuple[Store, Path]):
    rule = RULES.rule("billing_anniversary_offer_premium")
    assert rule is not None
    young = next(held for held in MADE.subscriptions if held.get("subscription.started_on") == dt.date(2025, 2, 28))
    told = explain(filled[0], RULES, rule, DAY, NOW, subscription=str(young["subscription.id"]))
    assert told.becomes == (
        "It would be true from 2026-03-28, because then tenure is more than 12 months, if all else stays as it is.",
    )


def test_the_command_tells_it(filled: tuple[Store, Path], tmp_path: Path):
    (tmp_path / "catalog.yaml").write_text(world.CATALOG)
    (tmp_path / "all.rules").write_text(world.RULES)
    where = ("--database", f"sqlite:///{filled[1]}", "--rules", str(tmp_path), "--as-of", "2026-02-28")
    asked = ("explain", "--customer", VISITOR, "--near", "--moment", "website_visit", *where)
    told = CliRunner().invoke(cli, asked)
    assert told.exit_code == 0, told.output
    assert "curious on website_visit" in told.output
    assert "seconds is more than 10 (now 4)" in told.output
    document = json.loads(CliRunner().invoke(cli, (*asked, "--json")).output)
    assert document["misses"][0]["wanted"] == [{"would": "seconds is more than 10", "reads": "4", "starts": None}]
    for wrong in (("--near",), ("--near", "--rule", "x"), ("--rule", "x", "--moment", "y", "--customer", "c")):
        assert CliRunner().invoke(cli, ("explain", *wrong, *where)).exit_code == 2
