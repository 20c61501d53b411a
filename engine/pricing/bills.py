"""The bills of an offer one after another: what each would be by the list, and what is charged.

Prices change at the start of a month counted from the first bill: a phase ends, a reduction `for N months` ends, the
free period ends. A month's price is the list price of that month, reduced, or nothing while it is free (so a reduction
comes before the free period, and a free month is one of the reduced ones). A bill is the mean of its months: on a
monthly plan `for 3 months` is three bills, on a yearly one three twelfths of the first. Each bill is rounded once.
Bills that are alike come as one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from dsl.prices import reduced, rounded
from dsl.typed import Price
from engine.pricing.charges import NOTHING
from engine.pricing.tariffs import Tariff


@dataclass(frozen=True, slots=True)
class Bill:
    """In minor units: by the list, and charged. What is between them is the discount."""

    full: int
    charged: int


@dataclass(frozen=True, slots=True)
class Run:
    """Bills that are alike, from the bill `first` (0 is the first of all) until the next run."""

    first: int
    bill: Bill


def runs_of(tariff: Tariff, price: Price | None, free_months: int) -> tuple[Run, ...]:
    """Every bill from the first on; the last run never ends."""
    changes = {start for start, _ in tariff.steps} | {free_months}
    if price is not None and price.months is not None:
        changes.add(price.months)
    return tuple(Run(first, bill_of(tariff, price, free_months, first)) for first in _firsts(changes, tariff.months))


def _firsts(changes: set[int], months: int) -> list[int]:
    """The bills that may differ from the one before: those in which a price changes, and those after them."""
    within = {start // months for start in changes}
    after = {-(-start // months) for start in changes}
    return sorted({0} | within | after)


def bill_of(tariff: Tariff, price: Price | None, free_months: int, number: int) -> Bill:
    """The bill of this number alone; 0 is the first."""
    start, end = number * tariff.months, (number + 1) * tariff.months
    edges = sorted({start, end, *(month for month in _edges(tariff, price, free_months) if start < month < end)})
    full = charged = NOTHING
    for month, following in pairwise(edges):
        share = Fraction(following - month, tariff.months)
        listed = tariff.in_month(month)
        full += listed * share
        charged += price_in(listed, price, free_months, month) * share
    return Bill(rounded(full), rounded(charged))


def _edges(tariff: Tariff, price: Price | None, free_months: int) -> Iterator[int]:
    yield free_months
    yield from (start for start, _ in tariff.steps)
    if price is not None and price.months is not None:
        yield price.months


def price_in(listed: Fraction, price: Price | None, free_months: int, month: int) -> Fraction:
    """What a month of the offer costs, as a price of a whole billing interval."""
    if month < free_months:
        return NOTHING
    is_reduced = price is not None and (price.months is None or month < price.months)
    return reduced(price, listed) if is_reduced else listed


def first_bills(runs: Sequence[Run], count: int) -> tuple[Bill, ...]:
    found: list[Bill] = []
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        last = count if following is None else min(following.first, count)
        found.extend([run.bill] * (last - run.first))
    return tuple(found)


def totals(runs: Sequence[Run], months: int, over: int) -> tuple[Fraction, Fraction]:
    """What the bills of the first `over` months sum up to, by the list and charged; a part of a bill by its months."""
    full = charged = NOTHING
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        end = over if following is None else min(over, following.first * months)
        share = Fraction(max(end - run.first * months, 0), months)
        full += run.bill.full * share
        charged += run.bill.charged * share
    return full, charged
