"""The outbox: each delivery finished once, tried again after a passing failure, given up after a lasting one."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from dsl.datatypes import Money
from dsl.typed import Offer
from engine.deliveries import outbox
from engine.deliveries.channels import Outgoing, Undeliverable
from engine.deliveries.inbox import messages
from engine.deliveries.outbox import CLAIM, RETRIES, deliver
from engine.deliveries.presenting import Presented, present
from engine.deliveries.rendering import compose, variables
from engine.passes import run_pass
from engine.store.session import Store
from engine.store.tables import deliveries, offers
from tests import world

NOW = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)
RULES = world.ruleset('rule wishes on birthday say "Hello {{ first_name }}" via email')
ADA = {
    "customer.id": "c1",
    "customer.first_name": "Ada",
    "customer.date_of_birth": dt.date(1990, 2, 28),
    "customer.marketing_ok": True,
}


CATALOG_WITH_SEATS = world.CATALOG.replace("customer:", "customer:\n  seats: {type: count}", 1)


class Broken:
    """A channel that fails a number of times, then works."""

    def __init__(self, failures: int, *, permanent: bool = False) -> None:
        self.failures, self.permanent, self.sent = failures, permanent, []
        self.keeps_text = False

    def send(self, message: Outgoing) -> None:
        if self.failures:
            self.failures -= 1
            raise Undeliverable("the server is busy", permanent=self.permanent)
        self.sent.append(message)


@pytest.fixture
def decided(store: Store) -> Store:
    world.put(store, RULES, world.World([ADA], []), NOW)
    run_pass(store, RULES, NOW, day=DAY)
    return store


def premium(row: dict[str, object]) -> Presented:
    """Premium at its list price, as the customer of a row would be offered it."""
    found = present(RULES.catalog, (Offer(("premium",)),), "premium", row, DAY)
    assert found is not None
    return found


def through(monkeypatch: pytest.MonkeyPatch, channel: Broken) -> None:
    monkeypatch.setattr(outbox, "CHANNELS", {"email": channel})


def delivery(store: Store) -> sa.Row:
    with store.read() as connection:
        return connection.execute(sa.select(deliveries)).one()


def test_a_delivery_is_sent_once_with_its_text(decided: Store, monkeypatch: pytest.MonkeyPatch):
    channel = Broken(0)
    through(monkeypatch, channel)
    assert deliver(decided, RULES, NOW) == {"sent": 1}
    assert deliver(decided, RULES, NOW + CLAIM * 2) == {}
    assert [(each.customer_id, each.body) for each in channel.sent] == [("c1", "Hello Ada")]
    content = delivery(decided).content
    assert content["shown"] == {"subject": "", "body": "Hello Ada"}
    assert "body" not in content  # it has left; only a channel that is read from here keeps the text


def test_receipts_show_messages_with_personal_values_masked(store: Store):
    rules = world.ruleset('rule wishes on birthday say "{{ first_name }}, born {{ date_of_birth }}" via in_app')
    world.put(store, rules, world.World([ADA], []), NOW)
    run_pass(store, rules, NOW, day=DAY)
    deliver(store, rules, NOW)
    content = delivery(store).content
    assert content["body"] == "Ada, born 1990-02-28"
    assert content["shown"]["body"] == "Ada, born •••"


def test_the_app_reads_its_customers_messages(store: Store):
    rules = world.ruleset('rule wishes on birthday say "Hello {{ first_name }}" via in_app, email')
    world.put(store, rules, world.World([ADA, {**ADA, "customer.id": "c2"}], []), NOW)
    run_pass(store, rules, NOW, day=DAY)
    with store.read() as connection:
        assert messages(connection, "c1", "in_app") == ()
    deliver(store, rules, NOW)
    with store.read() as connection:
        (found,) = messages(connection, "c1", "in_app")
        assert messages(connection, "c1", "email") == ()  # that one has left
    assert (found.rule, found.body, found.sent_at) == ("wishes", "Hello Ada", NOW)


def test_a_message_that_cannot_be_written_is_withheld_and_stops_nobody(store: Store):
    rules = world.ruleset('rule wishes on birthday say "{{ 1 | divided_by: seats }}" via in_app', CATALOG_WITH_SEATS)
    world.put(store, rules, world.World([ADA, {**ADA, "customer.id": "c2", "customer.seats": 2}], []), NOW)
    run_pass(store, rules, NOW, day=DAY)
    assert deliver(store, rules, NOW) == {"sent": 1, "withheld": 1}


def test_a_passing_failure_is_tried_again_later_and_not_before(decided: Store, monkeypatch: pytest.MonkeyPatch):
    channel = Broken(1)
    through(monkeypatch, channel)
    assert deliver(decided, RULES, NOW) == {"pending": 1}
    assert deliver(decided, RULES, NOW + RETRIES[0] - dt.timedelta(seconds=1)) == {}
    assert deliver(decided, RULES, NOW + RETRIES[0]) == {"sent": 1}
    assert len(channel.sent) == 1


def test_after_the_last_retry_it_has_failed(decided: Store, monkeypatch: pytest.MonkeyPatch):
    through(monkeypatch, Broken(99))
    now, states = NOW, []
    for _ in range(len(RETRIES) + 2):
        states.append(deliver(decided, RULES, now))
        now += dt.timedelta(days=1)
    assert states == [{"pending": 1}] * len(RETRIES) + [{"failed": 1}, {}]
    assert delivery(decided).reason == "the server is busy"


def test_a_lasting_failure_is_not_tried_again(decided: Store, monkeypatch: pytest.MonkeyPatch):
    through(monkeypatch, Broken(1, permanent=True))
    assert deliver(decided, RULES, NOW) == {"failed": 1}
    assert deliver(decided, RULES, NOW + dt.timedelta(days=9)) == {}


def test_what_a_dead_worker_claimed_is_taken_up_when_the_claim_runs_out(
    decided: Store, monkeypatch: pytest.MonkeyPatch
):
    channel = Broken(0)
    through(monkeypatch, channel)

    def dies(*arguments: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_send_all", dies)
        with pytest.raises(MemoryError):
            deliver(decided, RULES, NOW)
    assert deliver(decided, RULES, NOW + CLAIM - dt.timedelta(seconds=1)) == {}
    assert deliver(decided, RULES, NOW + CLAIM) == {"sent": 1}


def test_a_message_reads_attributes_offer_and_event():
    row = {
        **ADA,
        "subscription.started_on": dt.date(2025, 1, 31),
        "subscription.mrr": Money(123456, "USD"),
        "subscription.currency": "USD",
        "subscription.billing_interval": "month",
        "event.page": "/pricing",
    }
    found = variables(RULES.catalog, row, DAY, premium(row))
    assert found["tenure"] == 13
    assert found["mrr"] == "1,234.56 USD"
    price = {"price": "40.00 USD", "list_price": "40.00 USD", "today": "0.00 USD", "interval": "month"}
    assert found["offer"] == {"name": "Premium", **price}
    assert found["event"] == {"page": "/pricing"}
    rendered = compose(RULES, None, row, DAY, premium(row))
    assert rendered.body == "We would like to offer you Premium at 40.00 USD."


def test_without_a_price_in_the_customers_currency_none_is_named():
    row = {"subscription.currency": "EUR", "subscription.billing_interval": "month"}
    assert compose(RULES, None, row, DAY, premium(row)).body == "We would like to offer you Premium."


def test_an_offer_of_which_no_message_could_leave_is_withdrawn(store: Store, monkeypatch: pytest.MonkeyPatch):
    """The broken channel takes the first of two; the offer behind it is taken back, the other stands."""
    rules = world.ruleset("rule grow on birthday offer premium via email")
    world.put(store, rules, world.World([ADA, {**ADA, "customer.id": "c2"}], []), NOW)
    run_pass(store, rules, NOW, day=DAY)
    through(monkeypatch, Broken(1, permanent=True))
    assert deliver(store, rules, NOW) == {"failed": 1, "sent": 1}
    with store.read() as connection:
        states = connection.execute(
            sa.select(deliveries.c.state, offers.c.state)
            .join(offers, offers.c.id == deliveries.c.decision_id)
            .order_by(offers.c.state)
        ).all()
    assert states == [("sent", "offered"), ("failed", "withdrawn")]
