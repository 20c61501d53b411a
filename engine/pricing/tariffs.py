"""What a product costs one subscription by the list: its charges, found and worked out for its quantities.

Which charge: that of the customer's price list where the list has the product, else the product's own, in each case
of the billing interval and in the currency that the subscription is billed in. There is no other currency and no
other interval, with one exception: an add-on without a yearly price is billed twelve months at once with a yearly plan
(as Chargebee does). A bundle without a price costs what its parts cost together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from dsl.catalog import Catalog
from dsl.datatypes import Money
from dsl.products import Charge, Charges, Model, Product
from engine.moments.calendar import BILLING_MONTHS
from engine.pricing.charges import NOTHING, amount_of
from engine.pricing.refusals import LIST_CURRENCY, NO_PRICE, NOT_SOLD, UNKNOWN_QUANTITY, Refused
from engine.pricing.situations import Situation, quantity_key

Steps = tuple[tuple[int, Fraction], ...]
"""From which month on (the first is 0) a billing interval costs how much, in minor units."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """List prices of a product. `months` are those of the interval; `cost` is ours, None where it is not known.

    `parts` are what a bundle is made of, each with its own price by the list.
    """

    product: str
    currency: str
    interval: str
    months: int
    steps: Steps
    cost: Fraction | None
    parts: tuple[tuple[str, Fraction], ...] = ()

    @property
    def lasting(self) -> Fraction:
        """What an interval costs after all phases."""
        return self.steps[-1][1]

    def in_month(self, month: int) -> Fraction:
        return next(amount for start, amount in reversed(self.steps) if start <= month)


def tariff_of(catalog: Catalog, name: str, situation: Situation, day: dt.date | None = None) -> Tariff | Refused:
    """The list prices of a product on a day; without a day, of what is held already, whether or not it is sold."""
    product = catalog.product(name)
    if day is not None and not product.sold_on(day):
        return Refused(NOT_SOLD, name)
    table, currency = _table(catalog, product, situation)
    if currency is None:
        return Refused(LIST_CURRENCY, _told_list(catalog, situation))
    if name in catalog.bundles:
        return _bundle(catalog, product, table, currency, situation)
    return _single(catalog, product, table, currency, situation)


def _table(catalog: Catalog, product: Product, situation: Situation) -> tuple[Charges, str | None]:
    """The charges that apply, and the currency; None where the price list is in another than the subscription."""
    found = catalog.price_lists.get(situation.price_list or "")
    if found is None or product.name not in found.charges:
        return product.charges, situation.currency or (catalog.currency if found is None else found.currency)
    fits = situation.currency in (None, found.currency)
    return found.charges[product.name], found.currency if fits else None


def _told_list(catalog: Catalog, situation: Situation) -> str:
    found = catalog.price_lists[situation.price_list or ""]
    return f"{found.name} is in {found.currency}, the subscription in {situation.currency}"


def _single(
    catalog: Catalog, product: Product, table: Charges, currency: str, situation: Situation
) -> Tariff | Refused:
    find = _Finder(catalog, product.name in catalog.addons, currency, situation)
    full = find.amount(table)
    if not isinstance(full, Fraction):
        return full or Refused(NO_PRICE, f"{product.name} a {situation.interval} in {currency}")
    steps = [(0, full)] if table is not product.charges else _steps(product, find, full)
    if isinstance(steps, Refused):
        return steps
    cost = _cost(product, find, full)
    if isinstance(cost, Refused):
        return cost
    months = BILLING_MONTHS[situation.interval]
    return Tariff(product.name, currency, situation.interval, months, tuple(steps), cost)


def _steps(product: Product, find: _Finder, full: Fraction) -> list[tuple[int, Fraction]] | Refused:
    """The prices of the phases, then the full one; a phase that says nothing in this currency changes nothing."""
    steps, month = [], 0
    for phase in product.phases:
        amount = find.amount(phase.charges)
        if isinstance(amount, Refused):
            return amount
        steps.append((month, full if amount is None else amount))
        month += phase.months
    return [*steps, (month, full)]


def _cost(product: Product, find: _Finder, full: Fraction) -> Fraction | Refused | None:
    if product.cost_share is not None:
        return full * Fraction(product.cost_share) / 100
    return find.amount(product.costs)


def _bundle(catalog: Catalog, bundle: Product, table: Charges, currency: str, situation: Situation) -> Tariff | Refused:
    found = {name: tariff_of(catalog, name, replace(situation, currency=currency)) for name in bundle.includes}
    refused = next((one for one in found.values() if isinstance(one, Refused)), None)
    parts = [one for one in found.values() if isinstance(one, Tariff)]
    cost = None if refused is not None else _costs(parts)
    shares = tuple((name, one.lasting if isinstance(one, Tariff) else NOTHING) for name, one in found.items())
    if table:
        own = _single(catalog, bundle, table, currency, situation)
        if isinstance(own, Refused):
            return own
        return replace(own, cost=own.cost if own.cost is not None else cost, parts=shares)
    if refused is not None:
        return refused
    months = BILLING_MONTHS[situation.interval]
    return Tariff(bundle.name, currency, situation.interval, months, _sum_of(parts), cost, shares)


def _sum_of(parts: Sequence[Tariff]) -> Steps:
    starts = sorted({start for part in parts for start, _ in part.steps})
    return tuple((start, sum((part.in_month(start) for part in parts), NOTHING)) for start in starts)


def _costs(parts: Iterable[Tariff]) -> Fraction | None:
    costs = [part.cost for part in parts]
    known = [cost for cost in costs if cost is not None]
    return sum(known, NOTHING) if len(known) == len(costs) else None


class _Finder:
    """Finds charges of one interval and currency and works them out for one subscription's quantities."""

    def __init__(self, catalog: Catalog, is_addon: bool, currency: str, situation: Situation) -> None:
        self.catalog, self.is_addon, self.currency, self.situation = catalog, is_addon, currency, situation

    def amount(self, table: Charges) -> Fraction | Refused | None:
        """None where the table says nothing for the interval and the currency."""
        interval = self.situation.interval
        charge = self._charge(table, interval)
        if charge is not None:
            return self._worked_out(charge)
        monthly = self._charge(table, "month") if self.is_addon and interval == "year" else None
        amount = self._worked_out(monthly) if monthly is not None else None
        return amount * BILLING_MONTHS[interval] if isinstance(amount, Fraction) else amount

    def _charge(self, table: Charges, interval: str) -> Charge | None:
        return next((one for one in table.get(interval, ()) if one.currency == self.currency), None)

    def _worked_out(self, charge: Charge) -> Fraction | Refused:
        key = quantity_key(self.catalog, charge)
        if key is None:
            return amount_of(charge)
        quantity = self.situation.quantities.get(key)
        if isinstance(quantity, Money):
            fits = quantity.currency == self.currency and charge.model is Model.PERCENTAGE
            quantity = Fraction(quantity.minor) if fits else None
        return amount_of(charge, quantity) if quantity is not None else Refused(UNKNOWN_QUANTITY, str(charge.per))
