"""What a delivery is asked when it is claimed: may it still be sent, and does it still show what was promised?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dsl.datatypes import Money
from dsl.typed import Ruleset
from engine.deliveries.outbox import deliver
from engine.deliveries.presenting import Promise, actions_in, decided_actions
from engine.offers.ending import end_offers
from engine.offers.making import NewOffer, make_offers
from engine.offers.states import State
from engine.passes import run_pass
from engine.store.experiments import Exposure, expose
from engine.store.session import Store
from engine.store.state import put_customers
from engine.store.suppressions import suppress_customer
from engine.store.tables import decisions, deliveries, offers
from tests import offer_world, world
from tests.offer_world import DAY, NOW

RULES = """
rule grow on birthday offer premium at 20% off for 3 months say "{{ offer.price }} instead of {{ offer.list_price }}"
  via email
rule remind on birthday say "Please look at your bill." via email as service
rule try_two on birthday
  say "{{ offer.name }} for {{ offer.price }}" via email
  split 50% small: offer premium at 10% off 50% big: offer premium at 50% off
"""
HOUR = dt.timedelta(hours=1)


def ruleset(policies: str = "") -> Ruleset:
    return world.ruleset(RULES, world.CATALOG + policies)


def decide(store: Store, rule: str, offer: str | None = "premium", due_at: dt.datetime = NOW, key: str = "d1") -> None:
    """A decision of a rule for c0 with its message by e-mail, as a pass writes it."""
    made = NewOffer(key, rule, offer or "", "c0", "s0")
    content = {"day": DAY.isoformat(), "event": {}, "moment": "birthday", "offer": offer, "subscription": "s0"}
    message = next(each.message for each in ruleset().rule(rule).actions if hasattr(each, "message"))
    with store.write() as connection:
        offer_world.decide(connection, [made], due_at)
        values = {"channels": ["email"], "slot": 1, "offer": offer, "result": "offered" if offer else "said"}
        connection.execute(sa.update(decisions).where(decisions.c.id == key), values)
        row = {"decision_id": key, "channel": "email", "customer_id": "c0", "state": "pending", "due_at": due_at}
        connection.execute(sa.insert(deliveries), row | {"attempts": 0, "content": content | {"message": message}})


def promise(store: Store, price: int | None, key: str = "d1") -> None:
    with store.write() as connection:
        make_offers(connection, [NewOffer(key, "grow", "premium", "c0", "s0", price=price, currency="USD")], NOW)


def agree(store: Store, rules: Ruleset, *, marketing: bool) -> None:
    with store.write() as connection:
        put_customers(connection, rules.catalog, [{"customer.id": "c0", "customer.marketing_ok": marketing}], NOW)


@pytest.fixture
def place(store: Store) -> Store:
    """A store with c0, who is on basic, lives by UTC-5 and takes marketing."""
    offer_world.people(store, ruleset(), 1)
    agree(store, ruleset(), marketing=True)
    return store


def told(store: Store, key: str = "d1") -> tuple[str, str | None]:
    """The state of a decision's delivery, and its reason or the text that left."""
    with store.read() as connection:
        row = connection.execute(sa.select(deliveries).where(deliveries.c.decision_id == key)).one()
    return row.state, row.content["shown"]["body"] if row.state == "sent" else row.reason


# --- prices ----------------------------------------------------------------------------------------------------------


def test_the_message_names_the_price_of_the_decided_offer(place: Store):
    decide(place, "grow")
    promise(place, 3200)
    assert deliver(place, ruleset(), NOW) == {"sent": 1}
    assert told(place) == ("sent", "32.00 USD instead of 40.00 USD")


def test_a_price_that_would_not_be_the_promised_one_is_not_sent(place: Store):
    decide(place, "grow")
    promise(place, 3000)
    assert deliver(place, ruleset(), NOW) == {"withheld": 1}
    assert told(place) == ("withheld", "30.00 USD was promised, and it would be 32.00 USD now")
    with place.read() as connection:
        assert connection.scalar(sa.select(offers.c.state)) == "withdrawn"  # nobody was ever shown it


def test_a_product_that_lost_its_price_is_not_sent(place: Store):
    decide(place, "grow")
    promise(place, 3200)
    rules = world.ruleset(RULES, world.CATALOG.replace("{month: 40 USD}", "{year: 400 USD}"))
    deliver(place, rules, NOW)
    assert told(place) == (
        "withheld",
        "32.00 USD was promised, and now there is no price: there is no price of premium a month in USD",
    )


@pytest.mark.parametrize(("arm", "price"), [("small", "36.00 USD"), ("big", "20.00 USD")])
def test_each_arm_shows_its_own_price(place: Store, arm: str, price: str):
    decide(place, "try_two")
    with place.write() as connection:
        expose(connection, [Exposure("split:try_two", "d1", "c0", arm)], NOW)
    deliver(place, ruleset(), NOW)
    assert told(place) == ("sent", f"Premium for {price}")


@given(st.sampled_from(["small", "big", None]))
def test_the_actions_of_an_arm_are_the_rules_own_and_its_own(arm: str | None):
    rule = ruleset().rule("try_two")
    found = actions_in(rule, arm)
    assert found[: len(rule.actions)] == rule.actions
    assert len(found) == len(rule.actions) + (1 if arm else 2)


def test_a_renamed_rule_is_found_by_its_old_name():
    rules = ruleset()
    renamed = replace(rules, rules=tuple(replace(each, name="new", was=each.name) for each in rules.rules[:1]))
    assert decided_actions(renamed, Promise("grow", None, NOW, None)) == rules.rules[0].actions
    assert decided_actions(renamed, Promise("nobody", None, NOW, None)) == ()


def test_what_the_rule_does_not_offer_any_more_is_not_sent(place: Store):
    decide(place, "grow")
    deliver(place, world.without(ruleset(), "grow"), NOW)
    assert told(place) == ("withheld", "the rule grow does not offer premium any more")


@pytest.mark.parametrize("state", [State.DECLINED, State.SUPERSEDED])
def test_an_offer_that_is_over_is_not_sent(place: Store, state: State):
    decide(place, "grow")
    promise(place, 3200)
    with place.write() as connection:
        connection.execute(sa.update(deliveries).values(claimed_until=NOW + HOUR))  # by somebody who then dies
        end_offers(connection, ["d1"], state, NOW)
    deliver(place, ruleset(), NOW + HOUR)
    assert told(place)[0] == "withheld"
    assert str(told(place)[1]).startswith("The offer was ")


# --- the contact policy ----------------------------------------------------------------------------------------------


def test_who_took_consent_back_is_not_written_to(place: Store):
    decide(place, "grow")
    agree(place, ruleset(), marketing=False)
    assert deliver(place, ruleset(), NOW) == {"withheld": 1}
    assert told(place) == ("withheld", "the customer has not agreed to messages by email")


def test_service_needs_no_consent_to_marketing(place: Store):
    decide(place, "remind", None)
    agree(place, ruleset(), marketing=False)
    assert deliver(place, ruleset(), NOW) == {"sent": 1}


def test_who_came_onto_the_list_is_not_written_to(place: Store):
    decide(place, "remind", None)
    with place.write() as connection:
        suppress_customer(connection, "c0", "asked by phone", NOW)
    deliver(place, ruleset(), NOW)
    assert told(place) == ("withheld", "the customer is not to be contacted by email")


QUIET = '  quiet: {email: {from: "20:00", until: "08:00"%s}}\n'


def test_at_night_it_waits_for_the_morning_and_that_is_no_attempt(place: Store):
    rules = ruleset(QUIET % "")
    decide(place, "grow")
    night, morning = dt.datetime(2026, 3, 16, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 16, 12, tzinfo=dt.UTC)  # 21:00
    assert deliver(place, rules, night) == {"pending": 1}
    with place.read() as connection:
        row = connection.execute(sa.select(deliveries)).one()
    assert (row.due_at, row.attempts, row.claimed_until) == (morning, 0, None)
    assert deliver(place, rules, morning - dt.timedelta(seconds=1)) == {}
    assert deliver(place, rules, morning) == {"sent": 1}


def test_at_night_it_is_withheld_where_the_catalog_says_hold(place: Store):
    decide(place, "grow")
    deliver(place, ruleset(QUIET % ", then: hold"), dt.datetime(2026, 3, 16, 1, tzinfo=dt.UTC))
    assert told(place) == ("withheld", "it falls into the quiet hours of email")


CAP_MET = "the customer has as many contacts as the cap allows, at most 1 marketing contact on email per 7 days"
CAPPED = "  caps: [{channel: email, at_most: 1, per: 7 days}]\n"


def test_its_own_contact_does_not_stand_against_it(place: Store):
    decide(place, "grow")
    assert deliver(place, ruleset(CAPPED), NOW) == {"sent": 1}


@pytest.mark.parametrize("batch", [1, 200])
def test_of_two_that_are_too_many_one_is_sent(place: Store, batch: int):
    decide(place, "grow", due_at=NOW - HOUR)
    decide(place, "grow", key="d2")
    assert deliver(place, ruleset(CAPPED), NOW, batch=batch) == {"sent": 1, "withheld": 1}


def test_of_two_claimed_together_the_earlier_is_sent(place: Store):
    decide(place, "grow", key="d2", due_at=NOW - HOUR)
    decide(place, "grow", key="d1")
    deliver(place, ruleset(CAPPED), NOW)
    assert told(place, "d2")[0] == "sent"
    assert told(place, "d1") == ("withheld", CAP_MET)


def test_far_enough_apart_both_are_sent(place: Store):
    decide(place, "grow", due_at=NOW - dt.timedelta(days=7))
    decide(place, "grow", key="d2")
    assert deliver(place, ruleset(CAPPED), NOW) == {"sent": 2}


def test_a_channel_that_is_no_more_carries_nothing(place: Store):
    decide(place, "grow")
    with place.write() as connection:
        connection.execute(sa.update(deliveries), {"channel": "fax"})
    deliver(place, ruleset(), NOW)
    assert told(place) == ("withheld", "there is no channel fax any more")


# --- what passes promise ---------------------------------------------------------------------------------------------

PRICED = """
rule grow on birthday offer premium at 20% off for 3 months say "{{ offer.price }}" via in_app
rule fixed on birthday where country = DE offer best of premium, backup at $3 with 1 month free
  say "{{ offer.price }}" via in_app priority 2
rule arms on renewal say "{{ offer.price }}" via in_app
  split 50% offer premium at 10% off 30% offer backup at $1 off
"""


def test_every_message_names_the_price_that_the_pass_promised(store: Store):
    rules = world.ruleset(PRICED)
    day = dt.date(2026, 2, 28)
    birthdays = [dt.date(1990, 2, 28), dt.date(1990, 3, 1)]
    born = [{**each, "customer.date_of_birth": birthdays[n % 2]} for n, each in enumerate(world.world().customers)]
    held = [{**each, "subscription.renews_on": day} for each in world.world().subscriptions]
    world.put(store, rules, world.World(born, held), NOW - dt.timedelta(days=60))
    now = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    run_pass(store, rules, now, day=day)
    assert set(deliver(store, rules, now)) == {"sent"}
    with store.read() as connection:
        joined = sa.select(deliveries.c.content, offers, decisions.c.rule.label("by")).select_from(deliveries)
        found = connection.execute(joined.join(decisions).join(offers, offers.c.id == decisions.c.id)).all()
    assert {row.by for row in found} == {"grow", "fixed", "arms"}
    assert {row.price for row in found} >= {3200, 3600, 300, 400}  # and some by the year
    for row in found:
        assert row.content["body"] == str(Money(row.price, row.currency))
