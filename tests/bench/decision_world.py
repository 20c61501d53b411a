"""A shop to measure decisions in: a folder of rules that listen to visits, a store of customers, and their visits.

Rules are what marketers write: five to seven clauses of a dozen attributes. About one in a thousand holds for a visit,
so that with 1,000 rules a visit brings about one offer or message.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from dsl.datatypes import Money, Value
from dsl.typed import Ruleset
from engine.access import create_token
from engine.online.incoming import IncomingEvent
from engine.rulebook import load, usable
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions

COUNTRIES = ("US", "DE", "FR", "GB", "BR", "JP", "ES", "SE", "IT", "CA")
PLANS = ("free", "basic", "standard", "premium", "family")
INTERESTS = ("sport", "music", "film", "cooking", "charity")
PAGES = ("/pricing", "/pricing/family", "/help", "/blog/a", "/blog/b", "/account", "/download")

CATALOG = f"""\
currency: USD
timezone: America/New_York
country_timezones: {{DE: Europe/Berlin, FR: Europe/Paris, GB: Europe/London, JP: Asia/Tokyo}}
default_via: [email, in_app]
customer:
  first_name:    {{type: text}}
  email:         {{type: text, personal: true}}
  country:       {{type: enum, values: [{", ".join(COUNTRIES)}]}}
  date_of_birth: {{type: date, personal: true}}
  interests:     {{type: set, values: [{", ".join(INTERESTS)}]}}
  satisfaction:  {{type: number}}
  marketing_ok:  {{type: flag}}
subscription:
  plan:             {{type: plan}}
  status:           {{type: enum, values: [active, cancelled]}}
  started_on:       {{type: date}}
  tenure:           {{type: elapsed, since: started_on, unit: months}}
  billing_interval: {{type: enum, values: [month, year]}}
  renews_on:        {{type: date}}
  mrr:              {{type: money}}
  seats:            {{type: count}}
  autopay:          {{type: flag}}
moments:
  website_visit: {{event: true, properties: {{page: text, seconds: number}}}}
plans:
{"".join(f"  {name}: {{rank: {rank}, price: {{month: {10 * rank} USD}}}}{chr(10)}" for rank, name in enumerate(PLANS))}
addons:
  backup:  {{price: {{month: 5 USD}}}}
channels: [email, in_app]
policies:
  consent: {{email: marketing_ok}}
"""


def rules_text(count: int) -> str:
    """So many rules, the same in every run."""
    rng = random.Random(1)
    return "\n".join(_rule(rng, number) for number in range(count))


def _rule(rng: random.Random, number: int) -> str:
    clauses = "\n    and ".join(rng.choice(forms)(rng) for forms in rng.sample(CLAUSES, rng.randint(5, 7)))
    does = rng.choice((f"offer {rng.choice((*PLANS, 'backup'))}", 'say "Hello, {{ first_name }}!"'))
    return f"rule r{number}\n  on website_visit\n  where {clauses}\n  {does}\n  priority {number % 50}\n"


Clause = Callable[[random.Random], str]

CLAUSES: tuple[tuple[Clause, ...], ...] = (
    (
        lambda rng: f"country = {rng.choice(COUNTRIES)}",
        lambda rng: f"country in ({', '.join(rng.sample(COUNTRIES, 3))})",
    ),
    (lambda rng: f"plan = {rng.choice(PLANS)}",),
    (lambda rng: f"tenure between {(low := rng.randrange(60))} months and {low + 9} months",),
    (lambda rng: f"renews_on within {rng.choice((14, 30, 60))} days",),
    (lambda rng: f"mrr > ${rng.randrange(5, 100)}", lambda rng: f"mrr < ${rng.randrange(5, 100)}"),
    (lambda rng: f"seats < {rng.randrange(2, 40)}",),
    (lambda rng: f"satisfaction >= {rng.randrange(1, 10)}",),
    (lambda rng: "autopay", lambda rng: "not autopay"),
    (lambda rng: f"interests includes {rng.choice(INTERESTS)}",),
    (
        lambda rng: f'page = "{rng.choice(PAGES)}"',
        lambda rng: f'page starts with "{rng.choice(("/pricing", "/blog"))}"',
    ),
)
"""Clauses by what they ask; a rule asks nothing twice."""


def customers(count: int, today: dt.date) -> Iterator[tuple[dict[str, Value], dict[str, Value]]]:
    """So many customers, each with a subscription."""
    rng = random.Random(2)
    for number in range(count):
        plan = rng.choice(PLANS)
        yield (
            {
                "customer.id": f"c{number}",
                "customer.timezone": rng.choice(("America/New_York", "Europe/Berlin", "Asia/Tokyo")),
                "customer.first_name": f"Ada {number}",
                "customer.email": f"ada{number}@example.com",
                "customer.country": rng.choice(COUNTRIES),
                "customer.date_of_birth": today - dt.timedelta(days=rng.randrange(6000, 30000)),
                "customer.interests": frozenset(rng.sample(INTERESTS, rng.randrange(4))),
                "customer.satisfaction": round(rng.random() * 10, 1),
                "customer.marketing_ok": rng.random() < 0.7,
            },
            {
                "subscription.id": f"s{number}",
                "customer.id": f"c{number}",
                "subscription.plan": plan,
                "subscription.status": "active",
                "subscription.started_on": today - dt.timedelta(days=rng.randrange(2200)),
                "subscription.billing_interval": "month",
                "subscription.renews_on": today + dt.timedelta(days=rng.randrange(365)),
                "subscription.mrr": Money(rng.randrange(10_000), "USD"),
                "subscription.seats": rng.randrange(1, 40),
                "subscription.autopay": rng.random() < 0.5,
            },
        )


def write_rules(folder: Path, count: int) -> Ruleset:
    """A folder with the catalog and so many rules."""
    folder.mkdir(parents=True)
    (folder / "catalog.yaml").write_text(CATALOG, "utf-8")
    (folder / "visits.rules").write_text(rules_text(count), "utf-8")
    return usable(load(folder), folder)


def fill(url: str, ruleset: Ruleset, people: int, now: dt.datetime) -> tuple[Store, str]:
    """A new store of so many customers at an address, and the token of a program."""
    upgrade(url)
    store = open_store(url)
    pairs = list(customers(people, now.date()))
    with store.write() as connection:
        put_customers(connection, ruleset.catalog, [customer for customer, _ in pairs], now)
        put_subscriptions(connection, ruleset.catalog, [held for _, held in pairs], now)
        return store, create_token(connection, "bench", now)


def visit(source: str, number: int, people: int, now: dt.datetime) -> IncomingEvent:
    """The visit of this number; customers take turns."""
    page, seconds = PAGES[number % len(PAGES)], float(number % 90)
    customer = f"c{number * 7919 % people}"
    properties = {"page": page, "seconds": seconds}
    return IncomingEvent(source, str(number), "website_visit", customer, now, None, properties)
