"""A day's renewals in memory: 1,000 rules that use all that deciding knows, the rows that meet them, and what was said
before to their customers. Nothing is read from a database, so that what deciding takes is seen alone.

About one rule in a thousand holds for a row, so that with 1,000 rules a row has one match. Of ten rules one has a
hold-out, one a split, one `offer best of`, two a limit; half of them are made once per 90 days.
"""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pyarrow as pa

from dsl.service import check
from dsl.typed import MomentUse, Ruleset
from engine.budgets.book import OpenLimit
from engine.budgets.candidates import Room
from engine.budgets.limits import LimitKind, limits_of
from engine.contacts.check import Before
from engine.contacts.columns import Contacts, Declines
from engine.contacts.policy import flags, leave
from engine.decisions.asked import Asked, asked_of
from engine.decisions.facts import Reach
from engine.decisions.learned import Learned
from engine.decisions.limited import limited_to
from engine.decisions.occasions import Batch, Part
from engine.decisions.precedents import NOBODY_ARMED, Precedents
from engine.plans import Plans
from engine.propensity.outcomes import Outcomes
from engine.propensity.pooling import learn

DAY = dt.date(2026, 3, 15)
NOW = dt.datetime(2026, 3, 15, 14, tzinfo=dt.UTC)
MOMENT = MomentUse("renewal")
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo", "Europe/London", "Asia/Kolkata")
COUNTRIES = ("US", "DE", "FR", "GB", "BR", "IN")
OFFERS = ("premium", "standard", "family", "backup", "support")
PRICES = ("", " at 20% off for 3 months", " at $5 off", " with 1 month free")

CATALOG = f"""
currency: USD
timezone: America/New_York
default_via: [email]
customer:
  country:       {{type: enum, values: [{", ".join(COUNTRIES)}]}}
  marketing_ok:  {{type: flag}}
  no_contact:    {{type: flag}}
subscription:
  plan:             {{type: plan}}
  status:           {{type: enum, values: [active, cancelled]}}
  started_on:       {{type: date}}
  tenure:           {{type: elapsed, since: started_on, unit: months}}
  renews_on:        {{type: date}}
  billing_interval: {{type: enum, values: [month, year]}}
  mrr:              {{type: money}}
  seats:            {{type: count}}
  autopay:          {{type: flag}}
moments:
  renewal: {{date: renews_on}}
plans:
  basic:    {{rank: 1, price: {{month: 10 USD, year: 100 USD}}, cost: 30%}}
  standard: {{rank: 2, price: {{month: 20 USD, year: 200 USD}}, cost: 30%}}
  premium:  {{rank: 3, price: {{month: 40 USD, year: 400 USD}}, cost: 30%}}
  family:   {{rank: 4, price: {{month: 60 USD, year: 600 USD}}, cost: 40%}}
addons:
  backup:   {{price: {{month: 5 USD, year: 50 USD}}, cost: 20%}}
  support:  {{price: {{month: {{each: 2 USD, per: seats, free: 1}}, year: 90 USD}}, cost: 50%}}
channels: [email, sms, in_app]
policies:
  consent: {{email: marketing_ok, sms: marketing_ok}}
  suppression: {{any: no_contact}}
  caps: [{{channel: email, at_most: 2, per: 7 days}}, {{channel: any, at_most: 4, per: 1 month}}]
  quiet: {{email: {{from: "20:00", until: "08:00"}}}}
  after_decline: 30 days
  after_offer: 14 days
  between_offers: 1 day
  hold_out: 2%
"""


def ruleset(count: int) -> Ruleset:
    """So many rules, the same in every run."""
    rng = random.Random(1)
    checked = check({"catalog.yaml": CATALOG, "all.rules": "\n".join(_rule(rng, number) for number in range(count))})
    assert checked.ruleset is not None, [each.render() for each in checked.diagnostics][:3]
    return checked.ruleset


def _rule(rng: random.Random, number: int) -> str:
    low, dollars = rng.randrange(1, 45), rng.randrange(5, 80)
    clauses = [f"country = {rng.choice(COUNTRIES)}", f"seats between {low} and {low + 4}"]
    clauses.append(f"mrr between ${dollars} and ${dollars + 15}")
    others = ["plan = basic", "autopay", "not autopay", "billing_interval = month", "tenure > 24"]
    clauses += rng.sample(others, rng.choice((1, 2)))
    via = rng.choice(("email", "in_app", "email, in_app", "sms, in_app"))
    clause = f"via {via} priority {rng.randrange(3)} {_limits(rng, number)}"
    return f"rule r{number:04} on renewal where {' and '.join(clauses)} {_contact(rng, number, clause)}"


def _contact(rng: random.Random, number: int, clauses: str) -> str:
    offer, other = rng.sample(OFFERS, 2)
    if number % 10 == 0:
        return f"{clauses} split 50% a: offer {offer} 30% b: offer {offer} at 20% off for 3 months"
    if number % 10 == 1:
        return f"offer best of {offer}, {other} {clauses}"
    if number % 10 in (2, 3):
        return f'say "Thank you." {clauses}'
    return f"offer {offer}{rng.choice(PRICES)} {clauses}"


def _limits(rng: random.Random, number: int) -> str:
    once = "at most once per 90 days" if rng.random() < 0.5 else ""
    limit = {
        4: f"budget ${rng.randrange(200, 2000)} per week",
        5: f"at most {rng.randrange(20, 200)} customers per day",
        6: "hold out 10%",
    }
    return f"{once} {limit.get(number % 10, '')}"


# --- the rows --------------------------------------------------------------------------------------------------------


def table(count: int, rng: np.random.Generator) -> pa.Table:
    """So many renewals; of ten customers one has two."""
    people = rng.permutation(np.sort(rng.integers(0, count * 10, count)) // 10)
    names = pa.array(np.char.mod("C%09d", people))
    mine = pa.array(np.char.mod("S%09d", np.arange(count)))
    size = len(people)

    def choice(values: tuple[str, ...]) -> pa.Array:
        return pa.array(list(values)).take(pa.array(rng.integers(0, len(values), size)))

    def flag(share: float) -> pa.Array:
        return pa.array(rng.random(size) < share)

    started = pa.array((np.datetime64("2016-01-01") + rng.integers(0, 3650, size)).astype("datetime64[D]"))
    ends = np.minimum(np.arange(size + 1), size // 3).astype(np.int32)
    addons = pa.ListArray.from_arrays(ends, ["backup"] * (size // 3))
    return pa.table(
        {
            "moment": pa.repeat(pa.scalar("renewal"), size),
            "offset": pa.repeat(pa.scalar(0, pa.int32()), size),
            "subject": mine,
            "customer": names,
            "subscription": mine,
            "occurrence": pa.repeat(pa.scalar(f"renewal:{DAY}"), size),
            "zone": choice(ZONES),
            "due_at": pa.repeat(pa.scalar(NOW, pa.timestamp("us", "UTC")), size),
            "customer.country": choice(COUNTRIES),
            "customer.marketing_ok": flag(0.8),
            "customer.no_contact": flag(0.01),
            "subscription.plan": choice(("basic", "standard", "premium")),
            "subscription.addons": addons,
            "subscription.started_on": started,
            "subscription.billing_interval": choice(("month", "year")),
            "subscription.currency": pa.repeat(pa.scalar("USD"), size),
            "subscription.renews_on": pa.repeat(pa.scalar(DAY), size),
            "subscription.mrr": pa.array(rng.integers(500, 9500, size)),
            "subscription.mrr.currency": pa.repeat(pa.scalar("USD"), size),
            "subscription.seats": pa.array(rng.integers(1, 50, size)),
            "subscription.autopay": flag(0.5),
        }
    )


def part(plans: Plans, rows: pa.Table) -> Part:
    """The rows as one moment's share of a batch."""
    return Part(MOMENT, DAY, rows, plans.plan(MOMENT, DAY), plans.listening(MOMENT, DAY))


# --- what was said before --------------------------------------------------------------------------------------------


def said_before(batch: Batch, rng: np.random.Generator) -> Precedents:
    """Of the customers of a batch: one contact each, of ten one a decline; offers that stand; limits half used.

    Arms are not among it: they are worked out when it is decided.
    """
    asked = asked_of(batch.table, batch.rules, batch.row, batch.rule)
    standing = rng.random((batch.table.num_rows, len(batch.rules.product_names) + 1)) < 0.02
    standing[:, -1] = False
    return Precedents(
        NOBODY_ARMED,
        _reach(batch, asked, rng),
        standing,
        limited_to(asked, *_limits_of(asked)),
        _learned(batch, asked, rng),
    )


def _reach(batch: Batch, asked: Asked, rng: np.random.Generator) -> Reach:
    policy, size = batch.rules.contact_policy, len(asked.customers)
    columns = {name: batch.table[f"customer.{name}"] for name in flags(batch.rules.catalog.policies)}
    noon = int(NOW.timestamp()) * 1_000_000
    at = noon - rng.integers(1, 90 * 86_400, size) * 1_000_000
    who, rule, product = rng.integers(0, size, size), rng.integers(0, len(batch.rules.rules), size), len(OFFERS)
    products = rng.integers(-1, product, size)
    bits = rng.integers(1, 8, size).astype(np.uint64)
    contacts = Contacts(who, rule, products, np.zeros(size, np.int64), bits, at, np.zeros(size, np.bool_))
    tenth = slice(0, size // 10)
    declines = Declines(who[tenth], np.abs(products[tenth]), at[tenth])
    left = leave(policy, columns, batch.table.num_rows)
    return Reach(asked.customer, asked.at, asked.zone, asked.zones, left, Before(contacts, declines))


def _limits_of(asked: Asked) -> tuple[list[OpenLimit], list[Room]]:
    dollars = asked.rules.currencies.index("USD")
    opened = [OpenLimit(one, DAY, one.most // 2) for one in limits_of(asked.matched_rules())]
    rooms = [
        Room(asked.rules.number[one.limit.rule], one.left, None if one.limit.kind is LimitKind.VOLUME else dollars)
        for one in opened
    ]
    return opened, rooms


def _learned(batch: Batch, asked: Asked, rng: np.random.Generator) -> Learned:
    size = batch.table.num_rows
    shown = rng.integers(0, 1000, (len(batch.rules.product_names), len(COUNTRIES)))
    return Learned(
        learn(Outcomes(shown, rng.binomial(shown, 0.05))),
        np.full(size, np.nan),
        rng.integers(0, len(COUNTRIES), size),
        False,
        asked.customers,
        asked.customer,
        ["1"] * size,
        asked.rules.product_names,
    )
