"""What an offer comes to in money, whenever it is made: the part of a quote that has no dates.

Customers alike in plan, interval, currency, price list and quantities have the same amounts, so they are worked out
once for all of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from fractions import Fraction

from dsl.catalog import Catalog
from dsl.datatypes import Money
from dsl.prices import reduced, rounded
from dsl.products import BelowCost
from dsl.typed import Offer, PercentOff, Price
from engine.pricing.bills import Bill, bill_of, first_bills, runs_of, totals
from engine.pricing.charges import NOTHING
from engine.pricing.refusals import BELOW_COST, OTHER_CURRENCY, Refused
from engine.pricing.situations import Situation
from engine.pricing.tariffs import Tariff, tariff_of

PERIODS = 13
"""How many bills a quote shows: a year of months and one more, which shows what comes after."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """In minor units of `currency`, for each interval of `months`.

    `today` is what is paid now for what the offer replaces (0: nothing is; None: not known, as in a plan with phases).
    `list_price` and `price` are those of the first bill that is not all free, without its free part. `bills` are the
    first PERIODS. `reduced_months`: how long the price lasts; None where it lasts for good. Over the offer's term (the
    horizon, for what is given for good) `saving` is what the customer saves, and `discount_cost` what we give away:
    that, and the extras at their list prices. `margin` is what the horizon brings less what it costs (a cost that is
    not known is none), and `value` the margin less that of the plan it replaces (a plan of no known price
    is none). `parts` weigh those of a bundle.
    """

    product: str
    currency: str
    interval: str
    months: int
    today: int | None
    list_price: int
    price: int
    bills: tuple[Bill, ...]
    reduced_months: int | None
    free_months: int
    extras: tuple[str, ...]
    saving: int
    discount_cost: int
    margin: int
    value: int
    is_for_plan: bool
    parts: tuple[tuple[str, Fraction], ...] = ()

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)


def amounts_of(catalog: Catalog, offer: Offer, product: str, situation: Situation, day: dt.date) -> Amounts | Refused:
    """The amounts of one product of an offer, or why there are none. Only the product's dates of sale ask for `day`."""
    alone = amounts_alone(catalog, offer, product, situation, day)
    return alone if isinstance(alone, Refused) else instead_of(alone, held_by(catalog, situation))


def amounts_alone(
    catalog: Catalog, offer: Offer, product: str, situation: Situation, day: dt.date
) -> Amounts | Refused:
    """The same for somebody who has no plan, whatever the situation's is."""
    tariff = tariff_of(catalog, product, situation, day)
    if isinstance(tariff, Refused):
        return tariff
    if (refused := _refused(catalog, offer, tariff)) is not None:
        return refused
    extras = _given(catalog, offer, situation, day)
    return extras if isinstance(extras, Refused) else _amounts(catalog, offer, tariff, extras)


@dataclass(frozen=True, slots=True)
class Held:
    """The plan that is held: what is paid for it today (None: not known), and its margin over the horizon."""

    currency: str
    today: int | None
    margin: int


def held_by(catalog: Catalog, situation: Situation) -> Held | None:
    """None where no plan is held. A plan of no known price has no margin, and no currency."""
    if situation.plan is None:
        return None
    found = tariff_of(catalog, situation.plan, situation) if situation.plan in catalog.plans else None
    if not isinstance(found, Tariff):
        return Held("", None, 0)
    margin = (found.lasting - (found.cost or NOTHING)) * Fraction(catalog.policies.offers.horizon, found.months)
    # nobody says since when a plan is held, so nobody knows in which of its phases it is
    today = rounded(found.lasting) if len(found.steps) == 1 else None
    return Held(found.currency, today, rounded(margin))


def instead_of(amounts: Amounts, held: Held | None) -> Amounts:
    """The amounts of an offer that replaces the plan held, if it is for a plan."""
    if held is None or not amounts.is_for_plan:
        return amounts
    if held.currency != amounts.currency:
        return replace(amounts, today=None)
    return replace(amounts, today=held.today, value=amounts.margin - held.margin)


def _refused(catalog: Catalog, offer: Offer, tariff: Tariff) -> Refused | None:
    """A price of another currency, or one below cost where that is forbidden."""
    price = offer.price
    if price is None:
        return None
    if not isinstance(price, PercentOff) and price.amount.currency != tariff.currency:
        return Refused(OTHER_CURRENCY, price.amount.currency)
    forbidden = catalog.policies.offers.below_cost is BelowCost.FORBID
    if forbidden and tariff.cost is not None and _is_under(tariff, tariff.cost, price, offer.free_months):
        return Refused(BELOW_COST, tariff.product)
    return None


def _is_under(tariff: Tariff, cost: Fraction, price: Price, free_months: int) -> bool:
    """Whether in any month that is reduced and not free the price is less than the cost, and than the list price."""
    starts = {free_months, *(start for start, _ in tariff.steps if start > free_months)}
    listed = (tariff.in_month(month) for month in starts if price.months is None or month < price.months)
    return any(reduced(price, full) < min(full, cost) for full in listed)


def _given(catalog: Catalog, offer: Offer, situation: Situation, day: dt.date) -> tuple[Tariff, ...] | Refused:
    found = []
    for name in offer.extras:
        extra = tariff_of(catalog, name, situation, day)
        if isinstance(extra, Refused):
            return extra
        found.append(extra)
    return tuple(found)


def _amounts(catalog: Catalog, offer: Offer, tariff: Tariff, extras: tuple[Tariff, ...]) -> Amounts:
    runs = runs_of(tariff, offer.price, offer.free_months)
    shown = bill_of(tariff, offer.price, 0, offer.free_months // tariff.months) if offer.free_months else runs[0].bill
    horizon = catalog.policies.offers.horizon
    term = _term(offer, horizon)
    full, charged = totals(runs, tariff.months, term)
    _, earned = totals(runs, tariff.months, horizon)
    cost = sum((one.cost for one in (tariff, *extras) if one.cost is not None), NOTHING)
    margin = rounded(earned - cost * Fraction(horizon, tariff.months))
    given = sum((one.lasting for one in extras), NOTHING) * Fraction(term, tariff.months)
    return Amounts(
        product=tariff.product,
        currency=tariff.currency,
        interval=tariff.interval,
        months=tariff.months,
        today=0,
        list_price=shown.full,
        price=shown.charged,
        bills=first_bills(runs, PERIODS),
        reduced_months=_lasts(offer, tariff),
        free_months=offer.free_months,
        extras=offer.extras,
        saving=rounded(full - charged),
        discount_cost=rounded(full - charged + given),
        margin=margin,
        value=margin,
        is_for_plan=tariff.product in catalog.plans or any(name in catalog.plans for name, _ in tariff.parts),
        parts=tariff.parts,
    )


def _term(offer: Offer, horizon: int) -> int:
    """Over how many months something is given: what is given for good is counted over the horizon."""
    lasting = 0 if offer.price is None else horizon if offer.price.months is None else offer.price.months
    return max(lasting, offer.free_months, horizon if offer.extras else 0)


def _lasts(offer: Offer, tariff: Tariff) -> int | None:
    """For how many months the price shown lasts: those of the reduction, else the first phase's."""
    phase = tariff.steps[1][0] if len(tariff.steps) > 1 else None
    months = offer.price.months if offer.price is not None else phase
    return months if months is not None and months > offer.free_months else None
