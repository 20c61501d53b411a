"""A catalog for tests of prices, and offers as rules write them."""

from __future__ import annotations

import datetime as dt
from functools import cache

from dsl.catalog import Catalog
from dsl.service import check
from dsl.typed import Offer
from engine.pricing.quotes import Quote, quote
from engine.pricing.refusals import Refused
from engine.pricing.situations import Situation

BASE = """\
currency: USD
timezone: UTC
customer: {country: {type: enum, values: [US, GB, DE, JP]}}
subscription:
  plan: plan
  seats: count
  turnover: money
  started_on: date
  billing_interval: {type: enum, values: [month, year]}
meters: {calls: {unit: calls, kind: counter, resets: billing_period}}
moments: {bill: {recurs: billing_interval, from: started_on}}
channels: [email]
default_via: [email]
"""
PLANS = """\
plans:
  basic: {rank: 1, price: {month: [10 USD, 9 EUR, 1500 JPY], year: 100 USD}, cost: {month: 4 USD, year: 40 USD}}
  premium: {rank: 2, price: {month: [40 USD, 36 EUR, 6000 JPY], year: 400 USD}, cost: {month: 10 USD, year: 100 USD}}
  starter:
    price: {month: 20 USD, year: 240 USD}
    phases: [{for: 2 months, price: {month: 5 USD, year: 60 USD}}, {for: 1 month, price: {month: 10 USD}}]
    trial: 14 days
  team: {price: {month: {each: 8 USD, per: seats}}, cost: 25%}
  metered: {price: {month: {per: calls, graduated: [{up_to: 1000, flat: 10 USD}, {each: 0.002 USD}]}}}
  cut: {price: {month: {percent: 2.9%, per: turnover, flat: 0.30}}}
  summer: {price: {month: 15 USD}, from: 2026-06-01, until: 2026-08-31}
addons:
  backup: {price: {month: [5 USD, 4.5 EUR]}, cost: {month: 1 USD}}
  relay: {price: {month: 3 USD}}
bundles:
  home: {includes: [premium, backup], price: {month: 42 USD}}
  duo: {includes: [premium, backup]}
price_lists:
  uk: {for: {country: GB}, currency: GBP, prices: {premium: {month: 33, year: 330}}}
  students: {for: {segment: students}, currency: USD, prices: {premium: {month: 18}, starter: {month: 12}}}
"""
SEGMENT = "segment students: country = US\n"
DAY = dt.date(2026, 3, 15)


@cache
def catalog(policies: str = "", plans: str = PLANS) -> Catalog:
    text = BASE + plans + (f"policies: {{{policies}}}\n" if policies else "")
    checked = check({"catalog.yaml": text, "a.rules": SEGMENT})
    assert checked.ruleset is not None, [one.render() for one in checked.diagnostics]
    return checked.ruleset.catalog


@cache
def offer(words: str) -> Offer:
    """`premium at 20% off for 3 months`, checked."""
    checked = check({"catalog.yaml": BASE + PLANS, "a.rules": f"{SEGMENT}rule r on bill offer {words}"})
    assert checked.ruleset is not None
    assert not checked.errors, [one.render() for one in checked.errors]
    action = checked.ruleset.rules[0].actions[0]
    assert isinstance(action, Offer)
    return action


def outcome(words: str, situation: Situation, day: dt.date = DAY, policies: str = "") -> Quote | Refused:
    asked = offer(words)
    return quote(catalog(policies), asked, asked.products[0], situation, day)


def quoted(words: str, situation: Situation, day: dt.date = DAY, policies: str = "") -> Quote:
    found = outcome(words, situation, day, policies)
    assert isinstance(found, Quote), found
    return found


def amounts(found: Quote) -> list[int]:
    """What each bill charges, in minor units."""
    return [bill.charged for bill in found.amounts.bills]
