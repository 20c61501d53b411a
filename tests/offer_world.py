"""Offers for tests: customers with a subscription, decisions that offered something, and the offers of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from dsl.datatypes import Money
from dsl.typed import Ruleset
from engine.budgets.book import Taking, open_limits, reserve
from engine.budgets.limits import limits_of
from engine.offers.making import NewOffer, make_offers
from engine.store.session import Store
from engine.store.tables import budgets, decisions, offer_counts, offers
from tests import world

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
DAY = NOW.date()
LATER = NOW + dt.timedelta(days=14)
HERE = world.CATALOG + "  accepted_offers: change_here\n"
RULES = """
rule upgrade_now on birthday offer premium via in_app expires after 14 days
  at most 2 customers per day budget $50 per week
rule add_backup on birthday offer backup via in_app
"""


def ruleset(catalog: str = HERE) -> Ruleset:
    return world.ruleset(RULES, catalog)


def people(store: Store, rules: Ruleset, count: int = 3) -> None:
    """Customers c0, c1, ... with a subscription s0, s1, ... on the basic plan."""
    customers = [{"customer.id": f"c{n}", "customer.first_name": "Ada"} for n in range(count)]
    subscriptions = [
        {
            "customer.id": f"c{n}",
            "subscription.id": f"s{n}",
            "subscription.plan": "basic",
            "subscription.status": "active",
            "subscription.billing_interval": "month",
            "subscription.mrr": Money(1000, "USD"),
            "subscription.started_on": dt.date(2024, 1, 31),
        }
        for n in range(count)
    ]
    world.put(store, rules, world.World(customers, subscriptions), NOW - dt.timedelta(days=30))


def premium(number: int, name: str = "", **more: Any) -> NewOffer:
    """An offer of premium to customer `number`, at $36 instead of $40 for a year."""
    base = NewOffer(
        id=name or f"offer{number}",
        rule="upgrade_now",
        product="premium",
        customer_id=f"c{number}",
        subscription_id=f"s{number}",
        price=3600,
        currency="USD",
        discount=1000,
        quote={"invoices": [3600] * 12},
        basis={"plan": "basic", "billing_interval": "month", "currency": "USD"},
        expires_at=LATER,
    )
    return replace(base, **more)


def decide(connection: sa.Connection, made: Sequence[NewOffer], now: dt.datetime = NOW) -> None:
    """The decisions that the offers come from."""
    rows = [
        {
            "id": each.id,
            "rule": each.rule,
            "moment": "birthday",
            "offset": 0,
            "subject": each.customer_id,
            "occurrence": f"birthday:{each.id}",
            "customer_id": each.customer_id,
            "subscription_id": each.subscription_id,
            "result": "offered",
            "offer": each.product,
            "channels": ["in_app"],
            "local_date": DAY,
            "due_at": now,
            "decided_at": now,
            "ruleset": "r",
        }
        for each in made
    ]
    connection.execute(sa.insert(decisions), rows)


def offer_all(store: Store, rules: Ruleset, made: Sequence[NewOffer], now: dt.datetime = NOW) -> None:
    """Decided, reserved and offered, as a pass does it."""
    takings = [Taking(each.id, each.rule, each.customer_id, each.currency, each.discount) for each in made]
    concerned = [rule for rule in rules.rules if rule.name in {each.rule for each in made}]
    with store.write() as connection:
        opened = open_limits(connection, limits_of(concerned), now, rules.catalog.timezone)
        decide(connection, made, now)
        reserve(connection, opened, takings)
        make_offers(connection, made, now)


def state_of(store: Store, offer_id: str) -> str:
    with store.read() as connection:
        return str(connection.scalar(sa.select(offers.c.state).where(offers.c.id == offer_id)))


def used(store: Store) -> dict[tuple[str, str], tuple[int, int, int]]:
    """What is reserved, confirmed and freed, by kind and period."""
    with store.read() as connection:
        rows = connection.execute(sa.select(budgets)).all()
    return {(row.kind, row.period): (row.reserved, row.confirmed, row.freed) for row in rows}


def counts(store: Store) -> dict[str, tuple[int, int, int]]:
    """shown, accepted and declined, by product."""
    with store.read() as connection:
        rows = connection.execute(sa.select(offer_counts)).all()
    return {row.product: (row.shown, row.accepted, row.declined) for row in rows}
