"""How fast are rules matched? `python -m tests.bench.bench_matching [rows]`

Rules are what marketers write: two to four clauses (in a second batch four to six) of a dozen attributes, one in ten
with an alternative or a pattern.
One event against all rules, beside a loop over closures (each rule a compiled function, leaving at its first false
clause); then a batch of rows against 1,000 rules.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.operators import OPERATORS
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, MomentUse, Rule, Say, Test
from engine.matching.plan import compile_plan
from engine.matching.terms import Row, read_term

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
CURRENCY = attribute(Owner.SUBSCRIPTION, "currency", Kind.TEXT)
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
    rng = random.Random(1)
    return [Rule(f"r{n}", None, (MomentUse("m"),), condition(rng, least), (Say("x"),)) for n in range(count)]


# --- customers -------------------------------------------------------------------------------------------------------


def rows(count: int) -> list[dict[str, Value]]:
    rng = random.Random(2)
    return [
        {
            "customer.country": rng.choice(COUNTRIES),
            "customer.date_of_birth": TODAY - dt.timedelta(rng.randrange(6000, 30000)),
            "customer.interests": frozenset(rng.sample(INTERESTS, rng.randint(0, 3))),
            "customer.satisfaction": rng.random() * 10,
            "subscription.plan": rng.choice(PLANS),
            "subscription.started_on": TODAY - dt.timedelta(rng.randrange(2200)),
            "subscription.renews_on": TODAY + dt.timedelta(rng.randrange(365)),
            "subscription.seats": rng.randrange(1, 40),
            "subscription.autopay": rng.random() < 0.5,
            "subscription.mrr": Money(rng.randrange(10_000), "USD"),
            "subscription.currency": "USD",
            "event.page": rng.choice(PAGES),
        }
        for _ in range(count)
    ]


def batch(count: int) -> pa.Table:
    rng = np.random.default_rng(3)

    def choice(values: Sequence[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(rng.integers(0, len(values), count).astype(np.int32), list(values))

    def days(low: int, high: int) -> pa.Array:
        today = TODAY.toordinal() - dt.date(1970, 1, 1).toordinal()
        return pa.array((today + rng.integers(low, high, count)).astype(np.int32)).cast(pa.date32())

    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 4, count))]).astype(np.int32)
    likes = pa.array(np.array(INTERESTS, dtype=object)[rng.integers(0, len(INTERESTS), offsets[-1])], pa.string())
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


# --- the loop over closures ------------------------------------------------------------------------------------------


def closure(condition: Condition) -> Callable[[Row], bool]:
    if isinstance(condition, Test):
        term, meaning, operands = condition.term, OPERATORS[condition.operator].meaning, condition.operands

        def ask(row: Row) -> bool:
            value = read_term(term, row, TODAY)
            return value is not None and meaning(value, operands, TODAY)

        return ask
    assert isinstance(condition, All | AnyOf)
    parts = [closure(item) for item in condition.items]
    if isinstance(condition, All):
        return lambda row: all(part(row) for part in parts)
    return lambda row: any(part(row) for part in parts)


def per_row(match: Callable[[Row], Any], some: Sequence[Row], repeats: int) -> float:
    """Microseconds a row, the best of some repeats."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        for row in some:
            match(row)
        best = min(best, time.perf_counter() - start)
    return best / len(some) * 1e6


def events(size: int, some: Sequence[Row]) -> str:
    plan = compile_plan(rules(size))
    start = time.perf_counter()
    plan.match_row(some[0], TODAY)
    day = time.perf_counter() - start
    closures = [closure(rule.condition) for rule in rules(size)]

    def loop(row: Row) -> list[int]:
        return [number for number, ask in enumerate(closures) if ask(row)]

    assert all(plan.match_row(row, TODAY) == loop(row) for row in some[:50])
    matches = sum(len(plan.match_row(row, TODAY)) for row in some) / len(some)
    index, asked = per_row(lambda row: plan.match_row(row, TODAY), some, 5), per_row(loop, some[:50], 2)
    return f"{size:>6} rules: {index:6.1f} us an event, {asked:7.1f} by closures; {matches:.1f} match; day {day:.3f} s"


def batches(size: int, clauses: int) -> str:
    plan = compile_plan(rules(1000, clauses))
    table = batch(size)
    plan.match_batch(table.slice(0, 1000), TODAY)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        matches = plan.match_batch(table, TODAY).num_rows
        best = min(best, time.perf_counter() - start)
    return f"{size:>9} rows x 1000 rules of {clauses} to {clauses + 2} clauses: {best:.3f} s, {matches} matches"


def main(count: int) -> None:
    some = rows(2000)
    for size in (100, 1000, 5000):
        print(events(size, some))
    for clauses in (2, 4):
        print(batches(count, clauses))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 360_000)
