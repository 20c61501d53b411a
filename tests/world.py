"""A small ruleset and a few hundred made-up customers with the dates that break calendars, for tests of the engine."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsl.datatypes import Money, Value
from dsl.service import check
from dsl.typed import Ruleset
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions

CATALOG = """
currency: USD
timezone: America/New_York
country_timezones: {DE: Europe/Berlin, JP: Asia/Tokyo}
default_via: [in_app]
customer:
  first_name:    {type: text}
  email:         {type: text, personal: true}
  country:       {type: enum, values: [US, DE, JP]}
  date_of_birth: {type: date, personal: true}
  marketing_ok:  {type: flag}
subscription:
  plan:             {type: plan}
  status:           {type: enum, values: [active, cancelled]}
  started_on:       {type: date}
  tenure:           {type: elapsed, since: started_on, unit: months}
  billing_interval: {type: enum, values: [month, year]}
  renews_on:        {type: date}
  mrr:              {type: money}
moments:
  billing_anniversary: {recurs: billing_interval, from: started_on}
  birthday:            {recurs: year, from: date_of_birth}
  renewal:             {date: renews_on}
  website_visit:       {event: true, properties: {page: text, seconds: number}}
  payment_failed:      {event: true, of: subscription, properties: {amount: money, attempt: count}}
plans:
  basic:   {rank: 0, price: {month: 10 USD}}
  premium: {rank: 1, price: {month: 40 USD}}
addons:
  backup:  {price: {month: 5 USD}}
channels: [email, in_app]
policies:
  consent: {email: marketing_ok}
"""

RULES = """
on billing_anniversary where tenure>12 offer premium

rule wishes on birthday say "Happy birthday, {{ first_name }}!" via email, in_app priority 3

rule renew on 7 days before renewal where plan = basic offer premium via email

rule backup_for_rich on billing_anniversary or birthday where mrr > $20 offer backup priority 1

rule germans on birthday where country = DE tag german

rule curious on website_visit where page like "/pricing*" and seconds > 10 offer premium

rule dunning on payment_failed where attempt >= 2 or amount > $30 say "Please pay." via in_app
"""


def ruleset(rules: str = RULES, catalog: str = CATALOG) -> Ruleset:
    """A checked ruleset; every error in it fails the test."""
    checked = check({"catalog.yaml": catalog, "all.rules": rules})
    assert checked.ruleset is not None
    assert [each.render() for each in checked.diagnostics if each.is_error] == []
    return checked.ruleset


@dataclass(frozen=True)
class World:
    customers: Sequence[dict[str, Value]]
    subscriptions: Sequence[dict[str, Value]]


STARTS = [dt.date(2023, 1, 31), dt.date(2024, 2, 29), dt.date(2025, 1, 29), dt.date(2025, 2, 28), dt.date(2025, 12, 30)]


def world(size: int = 150, seed: int = 1) -> World:
    """`size` customers with no, one or two subscriptions, values missing here and there."""
    rng = random.Random(seed)
    customers, subscriptions = [], []
    for number in range(size):
        one: dict[str, Value | None] = {
            "customer.id": f"c{number:04}",
            "customer.timezone": rng.choice(["Asia/Tokyo", "America/Los_Angeles", "Nowhere/Land", None]),
            "customer.first_name": rng.choice(["Ada", "Олег", "李", None]),
            "customer.email": f"c{number}@example.com",
            "customer.country": rng.choice(["US", "DE", "JP", None]),
            "customer.date_of_birth": rng.choice(
                [None, dt.date(2000, 2, 29), dt.date(1990, 1, 1) + dt.timedelta(rng.randrange(9000))]
            ),
            "customer.marketing_ok": rng.choice([True, True, False, None]),
        }
        customers.append({key: value for key, value in one.items() if value is not None})
        for nth in range(rng.choice([0, 1, 1, 1, 2])):
            held: dict[str, Value | None] = {
                "subscription.id": f"s{number:04}-{nth}",
                "customer.id": f"c{number:04}",
                "subscription.plan": rng.choice(["basic", "premium", None]),
                "subscription.status": rng.choice(["active", "active", "active", "cancelled", None]),
                "subscription.started_on": rng.choice([*STARTS, None, dt.date(2026, 3, rng.randint(1, 28))]),
                "subscription.billing_interval": rng.choice(["month", "month", "year", None]),
                "subscription.renews_on": rng.choice([None, dt.date(2026, 2, 20) + dt.timedelta(rng.randrange(40))]),
                "subscription.mrr": rng.choice([None, Money(1000, "USD"), Money(4000, "USD"), Money(9900, "EUR")]),
                "subscription.addons": rng.choice([frozenset(), frozenset({"backup"})]),
            }
            subscriptions.append({key: value for key, value in held.items() if value is not None})
    return World(customers, subscriptions)


def put(store: Store, rules: Ruleset, made: World, now: dt.datetime) -> None:
    with store.write() as connection:
        put_customers(connection, rules.catalog, made.customers, now)
        put_subscriptions(connection, rules.catalog, made.subscriptions, now)


def without(rules: Ruleset, *names: str) -> Ruleset:
    """The ruleset as it was before some rules were written."""
    kept = tuple(each for each in rules.rules if each.name not in names)
    return replace(rules, rules=kept, digest=rules.digest[::-1])
