"""The price, the arm and the state of an offer, wherever a decision is told: lists, receipts, explanations, pages."""

from __future__ import annotations

import datetime as dt

import pytest

from engine.deliveries.outbox import deliver
from engine.offers.ending import end_offers
from engine.offers.states import State
from engine.passes import run_pass
from engine.reports.decisions import decisions, receipt
from engine.simulation.explain import explain
from engine.store.session import Store
from tests import offer_world, world

DAY = dt.date(2026, 3, 31)
LATER = dt.datetime(2026, 3, 31, 18, tzinfo=dt.UTC)
RULES = world.ruleset("""
rule small_step on billing_anniversary offer backup at $1 off for 2 months via in_app expires after 14 days
rule try_two on billing_anniversary via in_app priority 2
  split 100% big: offer premium at 50% off
rule words on billing_anniversary say "Hello." via in_app worth $3
""")
"""31 March is everybody's day: the subscriptions began on 31 January 2024."""


@pytest.fixture
def place(store: Store) -> Store:
    offer_world.people(store, RULES, 1)
    return store


def told(store: Store, rule: str) -> tuple[str, tuple[str, ...]]:
    found = explain(store, RULES, RULES.rule(rule), DAY, LATER, customer="c0")
    return found.outcome, found.terms


def test_before_it_is_decided_the_price_the_arm_and_the_score_are_told(place: Store):
    """Premium at $20 a month, with no cost stated, in place of basic at $10: $120 more in twelve months."""
    outcome, terms = told(place, "try_two")
    said = "Offered premium at 20.00 USD to c0 on billing_anniversary (in the arm big of try_two)."
    assert outcome == f"It would be: {said}"
    assert terms == (
        "Its score would be 120.00.",
        "Beside it small_step (score 58.00) would be held: try_two won the occasion.",
        "Beside it words (score 3.00) would be held: try_two won the occasion.",
    )


def test_a_rival_is_told_what_won_instead(place: Store):
    outcome, terms = told(place, "small_step")
    assert outcome == "It would be: held, because try_two won the occasion."
    assert terms[:2] == ("Its score would be 58.00.", "Beside it try_two (score 120.00) would be offered.")


def test_afterwards_the_decision_is_told_as_it_was_foretold(place: Store):
    foretold, _ = told(place, "try_two")
    run_pass(place, RULES, LATER, day=DAY)
    outcome, terms = told(place, "try_two")
    assert outcome.partition(" UTC: ")[2] == foretold.removeprefix("It would be: ")
    assert terms == ("The offer: premium at 20.00 USD to c0 (try_two): offered.",)


def test_lists_and_receipts_say_price_arm_and_state(place: Store):
    run_pass(place, RULES, LATER, day=DAY)
    deliver(place, RULES, LATER)
    with place.write() as connection:
        by_rule = {each.rule: each for each in decisions(connection)}
        won = by_rule["try_two"]
        end_offers(connection, [won.id], State.DECLINED, LATER)
        found = receipt(connection, won.id, LATER)
    assert (won.price, won.currency, won.arm) == (2000, "USD", "big")
    assert {(each.price, each.arm) for each in by_rule.values() if each is not won} == {(None, None)}
    assert found is not None
    assert found.offer is not None
    assert (found.decision, found.offer.state) == (won, State.DECLINED)
    assert found.to_json()["offer"]["state"] == "declined"


def test_an_offer_whose_time_is_up_has_lapsed_in_its_receipt(place: Store):
    rules = world.without(RULES, "try_two")
    run_pass(place, rules, LATER, day=DAY)
    with place.read() as connection:
        (won,) = decisions(connection, rule="small_step")
        states = [receipt(connection, won.id, LATER + dt.timedelta(days=days)) for days in (13, 14)]
    assert [each and each.offer and each.offer.state for each in states] == [State.OFFERED, State.LAPSED]
    assert won.sentence == "Offered backup at 4.00 USD to c0 on billing_anniversary (small_step)."
