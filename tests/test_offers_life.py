"""The life of an offer in the store: answered once, its budget settled, what is late or has changed refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from dsl.typed import Ruleset
from engine.offers import billing
from engine.offers.changing import KeyUsed, OfferUnknown, Request, change_offer
from engine.offers.lapsing import lapse, step
from engine.offers.making import basis_of, expiry
from engine.offers.reading import OfferLine, changes, list_offers, offer
from engine.offers.refusals import OfferRefused
from engine.offers.states import State
from engine.offers.withdrawing import withdraw_customer, withdraw_rule, withdraw_undelivered
from engine.store.forget import forget
from engine.store.session import Store, open_store
from engine.store.state import customer_rows, put_subscriptions
from engine.store.tables import deliveries, subscriptions_history
from tests import offer_world, world
from tests.offer_world import LATER, NOW, counts, offer_all, people, premium, state_of, used

RULES = offer_world.ruleset()
BILLING = offer_world.ruleset(world.CATALOG)
SOON = NOW + dt.timedelta(hours=1)


@pytest.fixture
def made(store: Store) -> Store:
    people(store, RULES)
    offer_all(store, RULES, [premium(0), premium(1)])
    return store


def answer(
    store: Store, to: State, key: str = "k", number: int = 0, rules: Ruleset = RULES, now: dt.datetime = SOON
) -> OfferLine:
    return change_offer(store, rules.catalog, f"offer{number}", Request(to, key, "shop"), now)


def held(store: Store, number: int = 0) -> dict[str, object]:
    with store.read() as connection:
        state = customer_rows(connection, RULES.catalog, f"c{number}")
    assert state is not None
    return dict(state.subscriptions[0])


# --- answering -------------------------------------------------------------------------------------------------------


def test_accepted_here_it_becomes_a_version_of_the_subscription(made: Store) -> None:
    before = held(made)
    found = answer(made, State.ACCEPTED)
    assert (found.state, found.state_at, found.price, found.quote) == ("accepted", SOON, 3600, premium(0).quote)
    assert held(made) == before | {"subscription.plan": "premium"}
    with made.read() as connection:
        old = connection.execute(sa.select(subscriptions_history)).one()
        assert (old.attributes["plan"], old.valid_to) == ("basic", SOON)
        assert billing.waiting(connection) == ()


def test_accepted_it_waits_for_billing_until_that_takes_it(made: Store) -> None:
    answer(made, State.ACCEPTED, rules=BILLING)
    assert held(made)["subscription.plan"] == "basic"
    for _ in range(2):
        with made.read() as connection:
            [change] = billing.waiting(connection)
        assert change.body | {"quote": {}, "basis": {}} == {
            "id": "offer0",
            "kind": "plan",
            "product": "premium",
            "parts": [],
            "customer": "c0",
            "subscription": "s0",
            "price": 3600,
            "currency": "USD",
            "quote": {},
            "basis": {},
            "accepted_at": SOON.isoformat(),
        }
    with made.write() as connection:
        assert billing.taken(connection, "offer0", SOON)
        assert billing.taken(connection, "offer0", LATER)
        assert not billing.taken(connection, "offer1", LATER)
        assert billing.waiting(connection) == ()


def test_an_addon_comes_to_those_that_are_there_with_its_extras(store: Store) -> None:
    people(store, RULES)
    addon = premium(0, rule="add_backup", product="backup", quote={"extras": ["photos"]})
    offer_all(store, RULES, [addon])
    answer(store, State.ACCEPTED)
    assert held(store)["subscription.addons"] == {"backup", "photos"}


BUNDLE = "channels:", "bundles: {safe: {includes: [premium, backup], price: {month: 42 USD}}}\nchannels:"


def test_a_bundle_brings_its_plan_and_its_addons(store: Store) -> None:
    rules = offer_world.ruleset(offer_world.HERE.replace(*BUNDLE))
    people(store, rules)
    offer_all(store, rules, [premium(0, product="safe"), premium(0, "other")])
    answer(store, State.ACCEPTED, rules=rules)
    after = held(store)
    assert (after["subscription.plan"], after["subscription.addons"]) == ("premium", {"backup"})
    assert state_of(store, "other") == "superseded"


def test_billing_is_told_what_a_bundle_is_made_of(store: Store) -> None:
    rules = offer_world.ruleset(world.CATALOG.replace(*BUNDLE))
    people(store, rules)
    offer_all(store, rules, [premium(0, product="safe")])
    answer(store, State.ACCEPTED, rules=rules)
    with store.read() as connection:
        [change] = billing.waiting(connection)
    told = {name: change.body[name] for name in ("kind", "product", "parts")}
    assert told == {"kind": "bundle", "product": "safe", "parts": ["premium", "backup"]}


def test_each_answer_settles_the_budget_and_is_counted(made: Store) -> None:
    assert used(made) == {("volume", "day"): (2, 0, 0), ("money", "week"): (2000, 0, 0)}
    answer(made, State.ACCEPTED)
    assert used(made) == {("volume", "day"): (1, 1, 0), ("money", "week"): (1000, 1000, 0)}
    answer(made, State.DECLINED, number=1)
    assert used(made) == {("volume", "day"): (0, 2, 0), ("money", "week"): (0, 1000, 1000)}
    assert counts(made) == {"premium": (2, 1, 1)}


def test_the_same_request_is_answered_the_same_whatever_came_after(made: Store) -> None:
    first = answer(made, State.SEEN, "a")
    answer(made, State.ACCEPTED, "b")
    assert answer(made, State.SEEN, "a", now=LATER) == first
    assert answer(made, State.ACCEPTED, "b", now=LATER).state == "accepted"
    with made.read() as connection:
        assert [(each.state, each.by) for each in changes(connection, "offer0")] == [
            ("seen", "shop"),
            ("accepted", "shop"),
        ]
    assert counts(made)["premium"] == (2, 1, 0)


def test_a_key_is_for_one_request(made: Store) -> None:
    answer(made, State.SEEN)
    with pytest.raises(KeyUsed, match=r"^The key was used before.*\.$"):
        answer(made, State.ACCEPTED)
    with pytest.raises(KeyUsed):
        change_offer(made, RULES.catalog, "offer0", Request(State.SEEN, "k", "shop", "twice"), SOON)
    assert answer(made, State.SEEN, number=1).state == "seen"  # keys belong to their offer
    assert state_of(made, "offer0") == "seen"


def test_who_looks_twice_has_seen_it(made: Store) -> None:
    first = answer(made, State.SEEN, "a")
    assert answer(made, State.SEEN, "b", now=LATER - dt.timedelta(days=1)) == first


@pytest.mark.parametrize("to", [State.SEEN, State.ACCEPTED, State.DECLINED])
def test_what_is_over_is_refused_with_the_reason(made: Store, to: State) -> None:
    answer(made, State.DECLINED, "a")
    with pytest.raises(OfferRefused, match=r"^The offer was declined on 2026-03-15 at 13:00 UTC\.$") as told:
        answer(made, to, "b")
    assert told.value.offer.state == "declined"


def test_late_is_late_whether_or_not_it_was_written_down(made: Store) -> None:
    for _ in range(2):
        with pytest.raises(OfferRefused, match="2026-03-29 at 12:00 UTC") as told:
            answer(made, State.ACCEPTED, now=LATER)
        assert told.value.offer.state == "lapsed"
        lapse(made, LATER)


def test_just_before_it_is_not(made: Store) -> None:
    assert answer(made, State.ACCEPTED, now=LATER - dt.timedelta(microseconds=1)).state == "accepted"


def test_an_unknown_offer_is_told(made: Store) -> None:
    with pytest.raises(OfferUnknown, match="There is no offer offer9"):
        answer(made, State.ACCEPTED, number=9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subscription.plan": "premium"}, "made for the plan basic, which is premium now"),
        ({"subscription.plan": None}, "made for the plan basic, which is not known any more"),
        ({"subscription.billing_interval": "year"}, "made for the billing interval month, which is year now"),
        ({"subscription.currency": "EUR"}, "made for the currency USD, which is EUR now"),
        ({"customer.id": "c2"}, "not this customer's any more"),
    ],
)
def test_what_changed_is_refused_and_nothing_has_happened(made: Store, change: dict[str, object], reason: str) -> None:
    row = {key: value for key, value in (held(made) | {"customer.id": "c0"} | change).items() if value is not None}
    with made.write() as connection:
        put_subscriptions(connection, RULES.catalog, [row], NOW)
    before = used(made)
    for rules in (RULES, BILLING):
        with pytest.raises(OfferRefused, match=reason):
            answer(made, State.ACCEPTED, rules=rules)
    assert (state_of(made, "offer0"), used(made), counts(made)) == ("offered", before, {"premium": (2, 0, 0)})


def test_what_is_not_sold_any_more_cannot_be_accepted(made: Store) -> None:
    catalog = world.ruleset("", offer_world.HERE.replace("  premium: {rank: 1, price: {month: 40 USD}}\n", ""))
    with pytest.raises(OfferRefused, match="premium is not sold any more"):
        answer(made, State.ACCEPTED, rules=catalog)


def test_other_plans_for_the_same_subscription_are_superseded(store: Store) -> None:
    people(store, RULES)
    backup = premium(0, "extra", rule="add_backup", product="backup")
    offer_all(store, RULES, [premium(0), premium(0, "again", discount=500), premium(1), backup])
    answer(store, State.ACCEPTED)
    states = {key: state_of(store, key) for key in ("offer0", "again", "offer1", "extra")}
    assert states == {"offer0": "accepted", "again": "superseded", "offer1": "offered", "extra": "offered"}
    assert used(store) == {("volume", "day"): (1, 1, 0), ("money", "week"): (1000, 1000, 500)}


# --- ending ----------------------------------------------------------------------------------------------------------


def test_lapsing_is_some_steps_of_some_offers(store: Store) -> None:
    people(store, RULES, 7)
    made = [premium(n, rule="add_backup", expires_at=LATER - dt.timedelta(days=n)) for n in range(6)]
    offer_all(store, RULES, [*made, premium(6, rule="add_backup", expires_at=None)])
    when = LATER - dt.timedelta(days=1)
    assert step(store, when, 2, lambda connection: None) == 2
    assert [state_of(store, f"offer{n}") for n in (5, 4, 3)] == ["lapsed", "lapsed", "offered"]
    assert lapse(store, when, batch=2) == 3
    assert lapse(store, when) == 0
    assert [state_of(store, f"offer{n}") for n in (1, 0, 6)] == ["lapsed", "offered", "offered"]
    with store.read() as connection:
        found = offer(connection, "offer5", when)
        assert found is not None
        assert found.state_at == LATER - dt.timedelta(days=5)


def test_a_lapsed_offer_gives_its_discount_back_and_is_not_delivered(made: Store) -> None:
    with made.write() as connection:
        connection.execute(sa.insert(deliveries), [delivery("offer0", "pending"), delivery("offer1", "sent")])
    assert lapse(made, LATER) == 2
    assert used(made) == {("volume", "day"): (0, 2, 0), ("money", "week"): (0, 0, 2000)}
    with made.read() as connection:
        found = connection.execute(sa.select(deliveries.c.state, deliveries.c.reason).order_by("decision_id")).all()
    assert found == [("withheld", "the offer lapsed"), ("sent", None)]


def delivery(decision: str, state: str, channel: str = "in_app") -> dict[str, object]:
    about = {"decision_id": decision, "channel": channel, "customer_id": "c0", "state": state, "due_at": NOW}
    return about | {"attempts": 0, "content": {}}


def test_what_nobody_could_be_told_was_never_offered(made: Store) -> None:
    rows = [delivery("offer0", "withheld"), delivery("offer0", "failed", "email")]
    rows += [delivery("offer1", "withheld"), delivery("offer1", "pending", "email")]
    with made.write() as connection:
        connection.execute(sa.insert(deliveries), rows)
        assert withdraw_undelivered(connection, ["offer0", "offer1"], SOON) == ("offer0",)
        assert withdraw_undelivered(connection, ["offer0", "offer1"], SOON) == ()
    assert used(made) == {("volume", "day"): (1, 0, 1), ("money", "week"): (1000, 0, 1000)}
    assert counts(made) == {"premium": (1, 0, 0)}


def test_an_offer_without_messages_stands(made: Store) -> None:
    """It is fetched over the API alone."""
    with made.write() as connection:
        assert withdraw_undelivered(connection, ["offer0"], SOON) == ()


def test_a_rule_s_offers_are_withdrawn(made: Store) -> None:
    answer(made, State.ACCEPTED)
    assert withdraw_rule(made, "upgrade_now", SOON, by="ada", reason="the price was wrong", batch=1) == 1
    with pytest.raises(OfferRefused, match="was withdrawn"):
        answer(made, State.ACCEPTED, number=1)
    with made.read() as connection:
        [change] = changes(connection, "offer1")
    assert (change.by, change.reason) == ("ada", "the price was wrong")
    assert used(made) == {("volume", "day"): (0, 2, 0), ("money", "week"): (0, 1000, 1000)}


def test_an_erased_customer_s_offers_give_their_budget_back_and_tell_nothing(made: Store) -> None:
    with made.write() as connection:
        assert withdraw_customer(connection, "c0", SOON) == ("offer0",)
        forget(connection, "c0")
        found = offer(connection, "offer0", SOON)
    assert found is not None
    assert (found.state, found.quote, found.customer_id.partition("-")[0]) == ("withdrawn", {}, "forgotten")
    assert used(made) == {("volume", "day"): (1, 1, 0), ("money", "week"): (1000, 0, 1000)}
    with pytest.raises(OfferRefused, match="was withdrawn"):
        answer(made, State.ACCEPTED)


# --- two at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def others(made: Store, database_url: str) -> Iterator[list[Store]]:
    """Stores of other processes, as it were, on the same database."""
    stores = [open_store(database_url) for _ in range(4)]
    yield stores
    for each in stores:
        each.close()


def all_at_once(stores: list[Store], requests: list[tuple[int, Request]]) -> list[str]:
    """What each was told: the offer's state, or the error's name."""
    barrier = Barrier(len(requests))

    def one(store: Store, number: int, request: Request) -> str:
        barrier.wait()
        try:
            return change_offer(store, RULES.catalog, f"offer{number}", request, SOON).state
        except (OfferRefused, KeyUsed) as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(requests)) as pool:
        tasks = [pool.submit(one, store, *asked) for store, asked in zip(stores, requests, strict=True)]
        return sorted(task.result() for task in tasks)


def test_of_four_workers_one_redeems(made: Store, others: list[Store]) -> None:
    asked = [(0, Request(State.ACCEPTED, f"key-{n}", "shop")) for n in range(4)]
    assert all_at_once(others, asked) == ["OfferRefused"] * 3 + ["accepted"]
    assert counts(made)["premium"] == (2, 1, 0)
    assert used(made)["money", "week"] == (1000, 1000, 0)
    with made.read() as connection:
        assert len(connection.execute(sa.select(subscriptions_history)).all()) == 1


def test_the_same_request_four_times_at_once_is_one(made: Store, others: list[Store]) -> None:
    assert all_at_once(others, [(0, Request(State.ACCEPTED, "key", "shop"))] * 4) == ["accepted"] * 4
    assert counts(made)["premium"] == (2, 1, 0)


def test_one_key_for_two_requests_at_once_is_one_of_them(made: Store, others: list[Store]) -> None:
    asked = [(0, Request(to, "key", "shop")) for to in (State.SEEN, State.ACCEPTED, State.DECLINED)]
    told = all_at_once(others[:3], asked)
    assert told.count("KeyUsed") == 2
    with made.read() as connection:
        assert len(changes(connection, "offer0")) == 1


def test_rivals_accepted_at_once_do_not_wait_for_each_other(store: Store, database_url: str) -> None:
    people(store, RULES)
    offer_all(store, RULES, [premium(0), premium(0, "offer1")])
    stores = [open_store(database_url) for _ in range(2)]
    asked = [(n, Request(State.ACCEPTED, "key", "shop")) for n in range(2)]
    assert all_at_once(stores, asked) == ["OfferRefused", "accepted"]
    for each in stores:
        each.close()


# --- making and reading ----------------------------------------------------------------------------------------------


def test_an_offer_expires_by_the_calendar_of_its_customer() -> None:
    [rule] = world.ruleset("rule x on birthday offer premium via in_app expires after 1 month").rules
    made_at = dt.datetime(2026, 2, 28, 14, tzinfo=dt.UTC)
    assert expiry(rule, made_at, "Europe/Berlin") == dt.datetime(2026, 3, 28, 14, tzinfo=dt.UTC)
    assert expiry(rule, dt.datetime(2026, 3, 10, 14, tzinfo=dt.UTC), "Europe/Berlin") == dt.datetime(
        2026, 4, 10, 13, tzinfo=dt.UTC
    )
    assert expiry(world.ruleset("on birthday offer premium via in_app").rules[0], made_at, "UTC") is None


def test_the_basis_is_what_the_quote_was_made_from(made: Store) -> None:
    assert basis_of(held(made)) == premium(0).basis
    assert basis_of({}) == {}


def test_offers_are_listed_as_they_stand(made: Store) -> None:
    answer(made, State.DECLINED)
    with made.read() as connection:

        def listed(now: dt.datetime, *states: State, **more: str) -> list[tuple[str, str]]:
            found = list_offers(connection, now, states=states or tuple(State), **more)
            return [(each.id, each.state) for each in found]

        assert listed(SOON) == [("offer0", "declined"), ("offer1", "offered")]
        assert listed(LATER) == [("offer0", "declined"), ("offer1", "lapsed")]
        assert listed(SOON, State.OFFERED, State.SEEN) == [("offer1", "offered")]
        assert listed(LATER, State.OFFERED, State.SEEN) == []
        assert listed(LATER, State.LAPSED) == [("offer1", "lapsed")]
        assert listed(SOON, State.LAPSED) == []
        assert listed(SOON, customer="c1") == [("offer1", "offered")]
        assert listed(SOON, rule="other") == []
        found = offer(connection, "offer1", SOON)
    assert found is not None
    assert found.sentence == "premium at 36.00 USD to c1 (upgrade_now): offered until 2026-03-29 12:00 UTC."


def test_an_offer_that_never_expires_is_listed(store: Store) -> None:
    people(store, RULES)
    offer_all(store, RULES, [premium(0, rule="add_backup", expires_at=None)])
    with store.read() as connection:
        [found] = list_offers(connection, LATER, states=(State.OFFERED,))
    assert found.is_live
