"""The day's quotes: due rows with an offer each, all that deciding reads of them (value, cost, who has no price).

Rows are of five plans, two intervals, six countries with their currencies, two price lists and up to forty seats; there
are fifty different offers, each made by several rules. The floor is numbering as many 64-bit codes with numpy, which
finding what is alike cannot do without; the peer quotes row by row, a sample of the rows at the same pace.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa

from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.datatypes import Money
from dsl.source import Source
from dsl.typed import AmountOff, FixedPrice, Offer, PercentOff, Price
from engine.pricing.amounts import amounts_of
from engine.pricing.columns import Quotes, Situations, quotes
from engine.pricing.situations import Reader, price_list_of
from tests.bench.measuring import Line, medians, scaled, thousands

ROWS = 360_000
SAMPLE = 2_000
DAY = dt.date(2026, 3, 15)
PLANS = ("basic", "standard", "premium", "family", "team")
CATALOG = """\
currency: USD
timezone: UTC
customer: {country: {type: enum, values: [US, GB, DE, FR, JP, BR]}}
subscription:
  {plan: plan, seats: count, started_on: date, billing_interval: {type: enum, values: [month, year]}}
moments: {bill: {recurs: billing_interval, from: started_on}}
plans:
  basic: {price: {month: [10 USD, 9 EUR, 1500 JPY], year: [100 USD, 90 EUR, 15000 JPY]}, cost: 20%}
  standard: {price: {month: [20 USD, 18 EUR, 3000 JPY], year: [200 USD, 180 EUR, 30000 JPY]}, cost: 20%}
  premium: {price: {month: [40 USD, 36 EUR, 6000 JPY], year: [400 USD, 360 EUR, 60000 JPY]}, cost: 20%}
  family: {price: {month: [45 USD, 40 EUR, 7000 JPY]}, phases: [{for: 3 months, price: {month: 30 USD}}]}
  team: {price: {month: {per: seats, graduated: [{up_to: 5, each: 8 USD}, {up_to: 20, each: 7 USD}, {each: 6 USD}]}}}
price_lists:
  uk: {for: {country: GB}, currency: GBP, prices: {basic: {month: 8, year: 80}, premium: {month: 33, year: 330}}}
  brazil: {for: {country: BR}, currency: USD, prices: {premium: {month: 25}}}
"""


def lines(scale: float) -> Iterator[Line]:
    """The lines of the table."""
    catalog = _catalog()
    count = scaled(ROWS, scale, 500)
    batch = _batch(count)
    asked = _offers()
    rng = np.random.default_rng(5)
    row, which = np.arange(count), rng.integers(0, len(asked), count)
    some = [batch.slice(at, 1).to_pylist()[0] for at in range(min(SAMPLE, count))]
    codes = rng.integers(0, 2**40, count)
    calls = {
        "quotes": lambda: _read(quotes(Situations(catalog, batch), asked, row, which, DAY)),
        "row": lambda: [_alone(catalog, each, *asked[n]) for each, n in zip(some, which.tolist(), strict=False)],
        "floor": partial(np.unique, codes, return_index=True, return_inverse=True),
    }
    took = medians(calls)
    one_by_one = took["row"] * count / len(some)
    found = quotes(Situations(catalog, batch), asked, row, which, DAY)
    what = f"{thousands(count)} quotes, {thousands(len(found.alone) + len(found.plans))} things to work out"
    yield Line("quotes.rows", what, took["quotes"], "s", one_by_one / took["quotes"], "as fast as row by row", most=0.5)
    beside = "the time of numbering as many codes"
    yield Line("quotes.floor", what, took["quotes"], "s", took["quotes"] / took["floor"], beside)


def _read(found: Quotes) -> object:
    return found.value(), found.minor("discount_cost"), found.refused()


def _alone(catalog: Catalog, row: dict[str, object], offer: Offer, product: str) -> object:
    known = {key: value for key, value in row.items() if value is not None}
    situation = Reader(catalog).read(known, price_list_of(catalog, known))  # type: ignore[arg-type]
    return amounts_of(catalog, offer, product, situation, DAY)


def _catalog() -> Catalog:
    catalog, _ = read_catalog(Source("catalog.yaml", CATALOG))
    assert catalog is not None
    return catalog


def _offers() -> list[tuple[Offer, str]]:
    prices: list[Price | None] = [None, AmountOff(Money(500, "USD"), 3), FixedPrice(Money(700, "USD"), 6)]
    prices += [PercentOff(Decimal(percent), months) for percent in (10, 20, 30) for months in (None, 3)]
    prices += [PercentOff(Decimal(50), 1)]
    return [(Offer((plan,), price), plan) for plan in PLANS for price in prices]


def _batch(count: int) -> pa.Table:
    rng = np.random.default_rng(3)

    def drawn(values: tuple[str, ...], shares: tuple[float, ...]) -> pa.Array:
        return pa.array(values).take(pa.array(rng.choice(len(values), count, p=shares)))

    places = rng.choice(6, count, p=(0.5, 0.15, 0.1, 0.1, 0.05, 0.1))
    countries = pa.array(("USD", "GBP", "EUR", "EUR", "JPY", "USD"))
    return pa.table(
        {
            "subscription.plan": drawn(PLANS, (0.4, 0.3, 0.15, 0.1, 0.05)),
            "subscription.billing_interval": drawn(("month", "year"), (0.8, 0.2)),
            "subscription.currency": countries.take(pa.array(places)),
            "subscription.seats": pa.array(np.minimum(rng.geometric(0.2, count), 40)),
            "customer.country": pa.array(("US", "GB", "DE", "FR", "JP", "BR")).take(pa.array(places)),
        }
    )
