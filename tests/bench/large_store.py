"""A store of a million subscriptions and a thousand rules that meet them when they renew: what a pass is measured on.

Rows are put straight into the tables, as an import of new customers leaves them: a million in half a minute.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dsl.catalog import Catalog
from dsl.service import check
from dsl.typed import Ruleset
from engine.store.bulk import Stored, insert_rows, instant_text
from engine.store.documents import dump
from engine.store.reindex import reindex
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import customers, dates, subscriptions
from engine.store.zones import shard_of

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 15)
BLOCK = 50_000
DATES = 25
"""Renewals fall on so many days from DAY on: a day's due set is a twenty-fifth of the base, as an anniversary's is."""

CATALOG = """
currency: USD
timezone: America/New_York
default_via: [email]
customer:
  first_name:    {type: text}
  email:         {type: text, personal: true}
  country:       {type: enum, values: [US, DE, FR]}
  marketing_ok:  {type: flag}
subscription:
  plan:             {type: plan}
  status:           {type: enum, values: [active, cancelled]}
  started_on:       {type: date}
  tenure:           {type: elapsed, since: started_on, unit: months}
  renews_on:        {type: date}
  billing_interval: {type: enum, values: [month, year]}
  mrr:              {type: money}
  seats:            {type: count}
  autopay:          {type: flag}
moments:
  renewal: {date: renews_on}
  support_call: {event: true, properties: {minutes: number}}
plans:
  basic:    {price: {month: 10 USD}}
  standard: {price: {month: 20 USD}}
  premium:  {price: {month: 40 USD}}
addons:
  backup:   {price: {month: 5 USD}}
channels: [email, in_app]
policies:
  consent: {email: marketing_ok}
"""


def ruleset(count: int, more: str = "") -> Ruleset:
    """So many rules of three to six clauses, each of which one row in a thousand matches; the same in every run."""
    rng = random.Random(1)
    texts = "\n".join(_rule(rng, number) for number in range(count))
    checked = check({"catalog.yaml": CATALOG, "all.rules": f"{texts}\n{more}"})
    assert checked.ruleset is not None, [each.render() for each in checked.diagnostics][:3]
    return checked.ruleset


def _rule(rng: random.Random, number: int) -> str:
    low, cents = rng.randrange(1, 45), rng.randrange(5, 80)
    clauses = [f"country = {rng.choice(('US', 'DE', 'FR'))}", f"seats between {low} and {low + 4}"]
    clauses.append(f"mrr between ${cents} and ${cents + 15}")
    others = ["plan = basic", "autopay", "not autopay", "billing_interval = month", "tenure > 24", "has backup"]
    clauses += rng.sample(others, rng.choice((1, 1, 2)))
    if rng.random() < 0.05:
        clauses.append("(plan = premium or tenure < 36)")
    contacts = ("offer premium", "offer standard", "offer backup", 'say "Thank you."')
    action = rng.choice(contacts) if rng.random() < 0.95 else "tag looked_at"
    via = "" if action.startswith("tag") else rng.choice((" via email", " via in_app", " via email, in_app"))
    return f"rule r{number:04} on renewal where {' and '.join(clauses)} {action}{via} priority {rng.randrange(5)}"


def make_store(url: str, catalog: Catalog, count: int, columns: Path | None = None) -> Store:
    """A new store with so many customers, a subscription each."""
    upgrade(url)
    store = open_store(url, columns)
    with store.write() as connection:
        reindex(connection, catalog, NOW)
    rng = np.random.default_rng(7)
    for start in range(0, count, BLOCK):
        numbers = range(start, min(start + BLOCK, count))
        with store.write() as connection:
            renews = DAY.toordinal() + rng.integers(0, DATES, len(numbers))
            days = [dt.date.fromordinal(ordinal) for ordinal in renews.tolist()]
            for table, rows in (
                (customers, _people(rng, numbers)),
                (subscriptions, _held(rng, numbers, days)),
                (dates, _dates(numbers, days)),
            ):
                insert_rows(connection, table, [column.name for column in table.columns], rows)
    return store


_SINCE = instant_text(NOW - dt.timedelta(days=365))


def _people(rng: np.random.Generator, numbers: range) -> Iterator[tuple[Stored, ...]]:
    zones = rng.choice(["America/New_York", "Europe/Berlin", "Asia/Tokyo"], len(numbers)).tolist()
    countries = rng.choice(["US", "DE", "FR"], len(numbers)).tolist()
    agreed = (rng.random(len(numbers)) < 0.8).tolist()
    for number, zone, country, ok in zip(numbers, zones, countries, agreed, strict=True):
        name = f"C{number:09}"
        document = {"first_name": "Ada", "email": f"{number}@example.com", "country": country, "marketing_ok": ok}
        yield name, zone, zone, shard_of(name), "[]", dump(document), _SINCE, _SINCE


def _held(rng: np.random.Generator, numbers: range, renews: list[dt.date]) -> Iterator[tuple[Stored, ...]]:
    size = len(numbers)
    started = (np.datetime64("2016-01-01") + rng.integers(0, 3650, size)).astype(str).tolist()
    intervals, plans = rng.choice(["month", "year"], size).tolist(), rng.choice(["basic", "premium"], size).tolist()
    statuses = rng.choice(["active"] * 9 + ["cancelled"], size).tolist()
    cents, seats = rng.integers(500, 9500, size).tolist(), rng.integers(1, 50, size).tolist()
    for at, number in enumerate(numbers):
        document = {
            "plan": plans[at],
            "status": statuses[at],
            "started_on": started[at],
            "renews_on": renews[at].isoformat(),
            "billing_interval": intervals[at],
            "mrr": [cents[at], "USD"],
            "seats": seats[at],
            "autopay": seats[at] % 2 == 0,
        }
        addons = '["backup"]' if seats[at] % 3 else "[]"
        key = f"S{number:09}", f"C{number:09}"
        yield *key, statuses[at], "USD", addons, dump(document), _SINCE, _SINCE


def _dates(numbers: range, renews: list[dt.date]) -> Iterator[tuple[Stored, ...]]:
    for number, day in zip(numbers, renews, strict=True):
        key = "subscription", "renews_on", f"S{number:09}"
        yield *key, day.isoformat(), day.month, day.day, day.weekday()
