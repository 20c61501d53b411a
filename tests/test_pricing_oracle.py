"""Quotes against a slow oracle, month by month in fractions; what must hold of every offer; batches."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_world import DAY, catalog, offer

from dsl.datatypes import Money
from dsl.typed import AmountOff, FixedPrice, Offer, PercentOff, Price
from engine.pricing.bills import first_bills, runs_of, totals
from engine.pricing.columns import Situations, numbered, quotes
from engine.pricing.pricer import Pricer
from engine.pricing.quotes import Quote, quote
from engine.pricing.refusals import Refused
from engine.pricing.situations import Situation, situation_of
from engine.pricing.tariffs import Tariff

TERMS = st.none() | st.integers(1, 40)
MINOR = st.integers(1, 9000)


def priced(months: int | None, kind: str, size: int) -> Price:
    money = Money(size, "USD")
    by_kind = {"amount": AmountOff(money, months), "fixed": FixedPrice(money, months)}
    return by_kind.get(kind, PercentOff(Decimal(size) / 90, months))


PRICES = st.none() | st.builds(priced, TERMS, st.sampled_from(["percent", "amount", "fixed"]), MINOR)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    starts = [0, *sorted(draw(st.sets(st.integers(1, 30), max_size=2)))]
    steps = tuple((start, draw(st.fractions(0, 6000, max_denominator=1000))) for start in starts)
    months = draw(st.sampled_from([1, 12]))
    return Tariff("p", "USD", "month" if months == 1 else "year", months, steps, None)


def month_by_month(tariff: Tariff, price: Price | None, free: int, number: int) -> tuple[Fraction, Fraction]:
    """The bill of this number, exactly: each of its months for itself."""
    full = charged = Fraction(0)
    for month in range(number * tariff.months, (number + 1) * tariff.months):
        listed = [amount for start, amount in tariff.steps if start <= month][-1]
        full += listed / tariff.months
        left = listed
        if price is not None and (price.months is None or month < price.months):
            if isinstance(price, PercentOff):
                left = listed - listed * Fraction(price.percent) / 100
            elif isinstance(price, AmountOff):
                left = listed - price.amount.minor if listed > price.amount.minor else Fraction(0)
            else:
                left = min(listed, Fraction(price.amount.minor))
        charged += Fraction(0) if month < free else left / tariff.months
    return full, charged


@settings(max_examples=60)
@given(tariffs(), PRICES, st.integers(0, 15), st.integers(1, 25))
def test_bills_are_those_of_the_oracle(tariff: Tariff, price: Price | None, free: int, over: int):
    runs = runs_of(tariff, price, free)
    found = first_bills(runs, 30)
    assert len(found) == 30
    for number, bill in enumerate(found):
        full, charged = month_by_month(tariff, price, free, number)
        assert abs(bill.full - full) <= Fraction(1, 2)
        assert abs(bill.charged - charged) <= Fraction(1, 2)
        assert 0 <= bill.charged <= bill.full
    shares = [min(Fraction(1), max(Fraction(0), Fraction(over, tariff.months) - number)) for number in range(30)]
    summed = [
        sum(share * getattr(bill, name) for share, bill in zip(shares, found, strict=True))
        for name in ("full", "charged")
    ]
    assert totals(runs, tariff.months, over) == tuple(summed)


@settings(max_examples=40)
@given(tariffs(), TERMS, st.sampled_from(["percent", "amount"]), MINOR, MINOR, st.integers(0, 15))
def test_a_larger_discount_never_costs_more(
    tariff: Tariff, months: int | None, kind: str, size: int, more: int, free: int
):
    small, large = sorted((size, more))
    less, much = (first_bills(runs_of(tariff, priced(months, kind, one), free), 30) for one in (small, large))
    assert all(one.charged >= other.charged for one, other in zip(less, much, strict=True))


@settings(max_examples=40)
@given(tariffs(), PRICES, st.integers(0, 15), st.integers(1, 10))
def test_more_free_months_never_cost_more(tariff: Tariff, price: Price | None, free: int, more: int):
    few, many = (first_bills(runs_of(tariff, price, one), 30) for one in (free, free + more))
    assert all(one.charged >= other.charged for one, other in zip(few, many, strict=True))


# --- whole quotes ----------------------------------------------------------------------------------------------------

WORDS = ["premium", "starter", "backup", "home", "duo", "team", "metered", "premium with backup", "summer"]
SITUATIONS = st.builds(
    Situation,
    st.sampled_from([None, "basic", "premium", "starter", "team"]),
    st.sampled_from(["month", "year"]),
    st.sampled_from([None, "USD", "EUR", "GBP", "JPY"]),
    st.sampled_from([None, "uk", "students"]),
    st.fixed_dictionaries(
        {"subscription.seats": st.integers(0, 9).map(Fraction), "usage.calls": st.integers(0, 5000).map(Fraction)}
    ),
    st.dates(dt.date(2023, 1, 1), dt.date(2028, 12, 31)),
)


@settings(max_examples=150, deadline=None)  # the first makes the catalog
@given(
    st.sampled_from(WORDS),
    st.integers(1, 99),
    st.integers(1, 99),
    TERMS,
    st.integers(0, 14),
    SITUATIONS,
    st.dates(dt.date(2026, 1, 1), dt.date(2028, 3, 31)),
)
def test_what_holds_of_every_quote(
    words: str, small: int, large: int, months: int | None, free: int, situation: Situation, day: dt.date
):
    """Nothing is below zero, bills are the sum of their parts, a larger discount never costs more, and on whole days
    seconds say what days say.
    """
    plain, (small, large) = offer(words), sorted((small, large))
    asked = [replace(plain, price=PercentOff(Decimal(one), months), free_months=free) for one in (small, large)]
    less, more = (quote(catalog(), each, plain.products[0], situation, day) for each in asked)
    assert isinstance(less, Refused) == isinstance(more, Refused)
    if isinstance(less, Refused) or isinstance(more, Refused):
        return
    for one, other in zip(less.invoices, more.invoices, strict=True):
        assert 0 <= other.amount.minor <= one.amount.minor <= one.full.minor
        assert sum(part.minor for _, part in one.parts) == one.amount.minor
        assert all(part.minor >= 0 for _, part in one.parts)
    assert less.saving.minor <= more.saving.minor
    assert 0 <= less.saving.minor <= less.discount_cost.minor
    assert list(less.days) == sorted(set(less.days))
    assert less.days[0] >= day
    assert less.until is None or less.until >= less.days[0]
    if less.now is not None:
        assert 0 < less.now.left < less.now.whole <= 366
        assert 0 <= less.now.charge.minor <= less.invoices[0].amount.minor
    seconds = quote(catalog("proration: by_second"), asked[0], plain.products[0], situation, day)
    assert isinstance(seconds, Quote)
    told = [each.now and (each.now.charge, each.now.credit) for each in (seconds, less)]
    assert told[0] == told[1]


# --- batches ---------------------------------------------------------------------------------------------------------

ASKED = [
    *("premium", "premium at 20% off for 3 months", "premium at $5 off", "premium with 1 month free"),
    *("starter at 50% off", "team at 10% off", "metered", "cut", "backup", "relay", "home", "duo at 20% off"),
    *("premium at 20% off with backup", "premium"),
]


def rows(count: int) -> list[dict[str, object]]:
    rng = random.Random(11)

    def maybe(*values: object) -> object:
        return rng.choice((None, *values))

    return [
        {
            "subscription.plan": maybe("basic", "premium", "starter", "team", "long_gone"),
            "subscription.billing_interval": maybe("month", "year"),
            "subscription.currency": maybe("USD", "EUR", "GBP", "JPY"),
            "subscription.seats": maybe(0, 1, 7),
            "subscription.started_on": maybe(DAY, dt.date(2025, 12, 31), dt.date(2024, 2, 29), dt.date(2025, 11, 3)),
            "subscription.turnover": maybe(Money(12345, "USD"), Money(700, "EUR")),
            "usage.calls": maybe(0.0, 999.5, 1250.25),
            "customer.country": maybe("GB", "US", "DE"),
            "segment.students": maybe(True, False),
        }
        for _ in range(count)
    ]


TYPES = {
    "subscription.seats": pa.int64(),
    "subscription.started_on": pa.date32(),
    "subscription.turnover": pa.int64(),
    "usage.calls": pa.float64(),
    "segment.students": pa.bool_(),
}


def table(some: list[dict[str, object]]) -> pa.Table:
    columns = {key: [row.get(key) for row in some] for key in some[0]}
    turnover = [
        one if isinstance(one, Money) else None for one in columns.pop("subscription.turnover", [None] * len(some))
    ]
    columns["subscription.turnover"] = [one and one.minor for one in turnover]
    columns["subscription.turnover.currency"] = [one and one.currency for one in turnover]
    return pa.table({key: pa.array(values, TYPES.get(key, pa.string())) for key, values in columns.items()})


def test_a_batch_has_the_quotes_that_each_has_alone():
    """Each row with each offer, over all that a row may lack; amounts once a distinct situation."""
    some = rows(70)
    own, asked = catalog(), [(offer(words), offer(words).products[0]) for words in ASKED]
    row, which = np.repeat(np.arange(len(some)), len(asked)), np.tile(np.arange(len(asked)), len(some))
    found = quotes(Situations(own, table(some)), asked, row, which, DAY)
    pricer = Pricer(own)
    refused, value, cost = found.refused(), found.value(), found.minor("discount_cost")
    for number, (at, wanted) in enumerate(zip(row.tolist(), which.tolist(), strict=True)):
        known = {key: each for key, each in some[at].items() if each is not None}
        situation = situation_of(own, known)
        alone = quote(own, *asked[wanted], situation, DAY)
        assert found.quote(number, DAY) == alone
        assert pricer.quote(*asked[wanted], situation, DAY) == alone
        assert refused[number] == isinstance(alone, Refused)
        if not isinstance(alone, Refused):
            assert (value[number], cost[number]) == (alone.amounts.value, alone.amounts.discount_cost)
    assert 0.2 < refused.mean() < 0.8


def test_what_no_price_counts_makes_no_difference():
    """The seats matter to who is offered or has a plan per seat, and to nobody else."""
    some = [
        {
            "subscription.plan": plan,
            "subscription.currency": "USD",
            "subscription.seats": seats,
            "customer.country": None,
        }
        for plan in ("basic", "team")
        for seats in range(50)
    ]
    asked = [(offer("premium"), "premium"), (offer("team"), "team")]
    row, which = np.arange(100), np.zeros(100, np.int64)
    situations = Situations(catalog(), table(some))
    premium, team = (quotes(situations, asked, row, which + number, DAY) for number in range(2))
    assert [len(one.alone) for one in (premium, team)] == [1, 50]
    assert [len(one.plans) for one in (premium, team)] == [1 + 50, 1 + 50]


def test_an_empty_batch_has_no_quotes():
    nothing = np.array([], np.int64)
    found = quotes(
        Situations(catalog(), table(rows(1)).slice(0, 0)), [(Offer(("premium",)), "premium")], nothing, nothing, DAY
    )
    assert (found.alone, len(found.value()), len(found.refused())) == ((), 0, 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.integers(0, 2**40)), max_size=20))
def test_rows_alike_have_one_number(some: list[tuple[int, int, int]]):
    """Also where the codes of all columns together are more than 64 bits."""
    columns = [np.array([row[place] for row in some], np.int64) for place in range(3)]
    number, first = numbered(columns, len(some))
    assert len(first) == len(set(some))
    for row, (at, one) in enumerate(zip(number.tolist(), some, strict=True)):
        assert some[first[at]] == one
        assert first[at] <= row
