"""Made-up rules of one moment and made-up rows that meet it.

Rules are what marketers write: two to four clauses (`least=4`: four to six) of a dozen attributes, one in ten with an
alternative or a pattern. No value of a row is missing: the peers differ in what a missing one means.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Unit
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, MomentUse, Rule, Say, Test
from engine.matching.plan import Plan
from engine.matching.rows import full_rows
from engine.matching.terms import Row

TODAY = dt.date(2026, 3, 15)
COUNTRIES = ("US", "DE", "FR", "GB", "BR", "JP", "NO", "SE", "ES", "IT", "IN", "CA")
PLANS = ("free", "basic", "standard", "premium", "family")
INTERESTS = ("sport", "music", "film", "cooking", "charity")
PAGES = ("/pricing", "/pricing/family", "/help", "/blog/a", "/blog/b", "/account", "/download")


def attribute(owner: Owner, name: str, kind: Kind) -> Attribute:
    return Attribute(owner, name, DataType(kind))


COUNTRY = attribute(Owner.CUSTOMER, "country", Kind.ENUM)
BORN = attribute(Owner.CUSTOMER, "date_of_birth", Kind.DATE)
LIKES = attribute(Owner.CUSTOMER, "interests", Kind.SET)
SATISFACTION = attribute(Owner.CUSTOMER, "satisfaction", Kind.NUMBER)
PLAN = attribute(Owner.SUBSCRIPTION, "plan", Kind.PLAN)
STARTED = attribute(Owner.SUBSCRIPTION, "started_on", Kind.DATE)
RENEWS = attribute(Owner.SUBSCRIPTION, "renews_on", Kind.DATE)
SEATS = attribute(Owner.SUBSCRIPTION, "seats", Kind.COUNT)
AUTOPAY = attribute(Owner.SUBSCRIPTION, "autopay", Kind.FLAG)
MRR = attribute(Owner.SUBSCRIPTION, "mrr", Kind.MONEY)
PAGE = attribute(Owner.EVENT, "page", Kind.TEXT)


# --- rules -----------------------------------------------------------------------------------------------------------


def clause(rng: random.Random) -> Test:
    """One clause; most single out a part of the customers, as clauses of real rules do."""
    ordered = rng.choice(("greater", "less", "greater_or_equal", "less_or_equal"))
    return rng.choice(
        (
            lambda: Test("equal", COUNTRY, (rng.choice(COUNTRIES),)),
            lambda: Test("in", COUNTRY, tuple(rng.sample(COUNTRIES, 3))),
            lambda: Test("equal", PLAN, (rng.choice(PLANS),)),
            lambda: Test("equal", PLAN, (rng.choice(PLANS),)),
            lambda: Test("between", Elapsed(STARTED, Unit.MONTHS), (low := rng.randrange(60), low + 6)),
            lambda: Test(ordered, Elapsed(STARTED, Unit.MONTHS), (rng.randrange(72),)),
            lambda: Test("within_next", RENEWS, (rng.choice((7, 14, 30)),)),
            lambda: Test(ordered, Amount(MRR, None), (Decimal(rng.randrange(5, 100)),)),
            lambda: Test("between", Amount(MRR, "USD"), (low := Decimal(rng.randrange(90)), low + 10)),
            lambda: Test(ordered, SEATS, (rng.randrange(1, 40),)),
            lambda: Test(ordered, SATISFACTION, (float(rng.randrange(1, 10)),)),
            lambda: Test(rng.choice(("is_true", "is_false")), AUTOPAY, ()),
            lambda: Test("includes", LIKES, (rng.choice(INTERESTS),)),
            lambda: Test("between", Elapsed(BORN, Unit.MONTHS), (low := 12 * rng.randrange(18, 70), low + 119)),
            lambda: Test("equal", PAGE, (rng.choice(PAGES),)),
        )
    )()


def condition(rng: random.Random, least: int) -> Condition:
    clauses: list[Condition] = [clause(rng) for _ in range(rng.randint(least, least + 2))]
    if rng.random() < 0.05:
        clauses.append(Test("starts_with", PAGE, (rng.choice(("/pricing", "/blog")),)))
    if rng.random() < 0.05:
        clauses.append(AnyOf((clause(rng), clause(rng))))
    return All(tuple(clauses))


def rules(count: int, least: int = 2) -> list[Rule]:
    """So many rules, the same in every run."""
    rng = random.Random(1)
    return [Rule(f"r{n}", None, (MomentUse("m"),), condition(rng, least), (Say("x"),)) for n in range(count)]


# --- rows ------------------------------------------------------------------------------------------------------------


def batch(count: int) -> pa.Table:
    """So many due rows, as a due set has them."""
    rng = np.random.default_rng(3)

    def choice(values: Sequence[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(rng.integers(0, len(values), count).astype(np.int32), list(values))

    def days(low: int, high: int) -> pa.Array:
        today = TODAY.toordinal() - dt.date(1970, 1, 1).toordinal()
        return pa.array((today + rng.integers(low, high, count)).astype(np.int32)).cast(pa.date32())

    # Interests are drawn without repetition: the first few of a rotated list.
    sizes = rng.integers(0, 4, count)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + np.repeat(rng.integers(0, 5, count), sizes)
    likes = pa.DictionaryArray.from_arrays((places % 5).astype(np.int32), list(INTERESTS)).cast(pa.string())
    return pa.table(
        {
            "customer.country": choice(COUNTRIES),
            "customer.date_of_birth": days(-30000, -6000),
            "customer.interests": pa.ListArray.from_arrays(offsets, likes),
            "customer.satisfaction": rng.random(count) * 10,
            "subscription.plan": choice(PLANS),
            "subscription.started_on": days(-2200, 0),
            "subscription.renews_on": days(0, 365),
            "subscription.seats": rng.integers(1, 40, count),
            "subscription.autopay": pa.array(rng.random(count) < 0.5),
            "subscription.mrr": rng.integers(0, 10_000, count),
            "subscription.mrr.currency": choice(("USD", "EUR")),
            "subscription.currency": choice(("USD", "EUR")),
            "event.page": choice(PAGES),
        }
    )


def rows(plan: Plan, table: pa.Table) -> list[Row]:
    """The rows of a batch as the event path has them."""
    return full_rows(table, plan.attributes, plan.terms)
