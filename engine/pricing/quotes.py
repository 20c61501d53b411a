"""A quote: what an offer costs one subscription, bill by bill, from the day on which it is taken.

Bills fall on the days of the ORIGINAL anchor plus n intervals (31 January, 28 February, 31 March). An offer that is
taken on such a day begins with that bill. Taken between two bills it begins, by the policy of the ruleset:

* `by_day`: at once. What is left of the period is charged as its share of the offer's first bill, less the same share
  of what is paid today, counted in days of the whole anchored period. A credit above the charge is carried over.
* `by_second`: the same, counted in seconds from the instant at which it is taken.
* `none`: at once, and nothing is charged until the next bill.
* `at_renewal`: with the next bill.

The N bills of `for N months` are whole ones, so a share of a period is never one of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction

from dsl.catalog import Catalog, LeapDay
from dsl.datatypes import Money
from dsl.products import Proration
from dsl.typed import Offer
from engine.moments.billing import billing_moment, nth_start, period_start
from engine.pricing.allocation import allocated
from engine.pricing.amounts import PERIODS, Amounts, amounts_of
from engine.pricing.proration import Prorated, Span, prorated
from engine.pricing.refusals import Refused
from engine.pricing.situations import Situation


@dataclass(frozen=True, slots=True)
class Invoice:
    """One bill. `full` less `discount` is `amount`; `parts` is the amount by product, of a bundle several."""

    day: dt.date
    full: Money
    amount: Money
    parts: tuple[tuple[str, Money], ...]

    @property
    def discount(self) -> Money:
        return Money(self.full.minor - self.amount.minor, self.amount.currency)


@dataclass(frozen=True, slots=True)
class Quote:
    """`starts` is the day from which the offer holds, `until` the last local day of its price (None: for good), and
    `free_until` that of its free period (None: it has none).

    `days` are those of the bills in `amounts`. `trial_until` is the last day of a trial, which comes before them.
    """

    amounts: Amounts
    starts: dt.date
    days: tuple[dt.date, ...]
    until: dt.date | None
    free_until: dt.date | None
    now: Prorated | None = None
    trial_until: dt.date | None = None

    @property
    def price(self) -> Money:
        return self.amounts.money(self.amounts.price)

    @property
    def list_price(self) -> Money:
        return self.amounts.money(self.amounts.list_price)

    @property
    def today(self) -> Money | None:
        return None if self.amounts.today is None else self.amounts.money(self.amounts.today)

    @property
    def saving(self) -> Money:
        return self.amounts.money(self.amounts.saving)

    @property
    def discount_cost(self) -> Money:
        return self.amounts.money(self.amounts.discount_cost)

    @property
    def value(self) -> Money:
        return self.amounts.money(self.amounts.value)

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        money = self.amounts.money
        return tuple(
            Invoice(day, money(bill.full), money(bill.charged), self._parts(bill.charged))
            for day, bill in zip(self.days, self.amounts.bills, strict=True)
        )

    def _parts(self, charged: int) -> tuple[tuple[str, Money], ...]:
        parts = self.amounts.parts or ((self.amounts.product, Fraction(1)),)
        shares = allocated(charged, [weight for _, weight in parts])
        return tuple((name, self.amounts.money(share)) for (name, _), share in zip(parts, shares, strict=True))


def quote(
    catalog: Catalog, offer: Offer, product: str, situation: Situation, day: dt.date, at: dt.datetime | None = None
) -> Quote | Refused:
    """What one product of an offer costs who takes it on a local day, or why it has no price.

    `at` is the instant (in the customer's zone) at which it is taken, for who counts seconds; else the day's first.
    """
    amounts = amounts_of(catalog, offer, product, situation, day)
    return amounts if isinstance(amounts, Refused) else dated(catalog, amounts, situation, day, at)


def dated(
    catalog: Catalog, amounts: Amounts, situation: Situation, day: dt.date, at: dt.datetime | None = None
) -> Quote:
    """Amounts with the days of one subscription."""
    moment = billing_moment(catalog)
    leap_day = moment.leap_day if moment is not None else LeapDay.FEB28
    trial = 0 if situation.plan is not None else catalog.product(amounts.product).trial_days
    first_day = day + dt.timedelta(days=trial)
    anchor = first_day if situation.anchor is None or trial else situation.anchor
    start = period_start(anchor, amounts.months, leap_day, first_day)
    number = _number(anchor, start, amounts.months)
    if start < first_day:
        number += 1
    days = tuple(nth_start(anchor, number + n, amounts.months, leap_day) for n in range(PERIODS))
    mode = catalog.policies.offers.proration
    return Quote(
        amounts,
        starts=days[0] if mode is Proration.AT_RENEWAL else day,
        days=days,
        until=_until(anchor, number, amounts, amounts.reduced_months, leap_day),
        free_until=_until(anchor, number, amounts, amounts.free_months or None, leap_day),
        now=prorated(mode, amounts, Span(start, days[0]), day, at) if start < first_day else None,
        trial_until=first_day - dt.timedelta(days=1) if trial else None,
    )


def _number(anchor: dt.date, start: dt.date, months: int) -> int:
    """Which period of the anchor begins on `start`; a leap day kept on 1 March still counts as February."""
    kept_in_march = (anchor.month, anchor.day, start.month, start.day) == (2, 29, 3, 1) and months % 12 == 0
    return (start.year * 12 + start.month - kept_in_march - anchor.year * 12 - anchor.month) // months


def _until(anchor: dt.date, number: int, amounts: Amounts, months: int | None, leap_day: LeapDay) -> dt.date | None:
    """The last of so many months from the first bill: the day before another bill, or before a twelfth of one."""
    if months is None:
        return None
    bills, rest = divmod(months, amounts.months)
    step = amounts.months if rest == 0 else 1
    passed = number + bills if rest == 0 else number * amounts.months + months
    return nth_start(anchor, passed, step, leap_day) - dt.timedelta(days=1)
