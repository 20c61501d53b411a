"""Prices and amounts in a rule: `20% off for 3 months`, `$5 off`, `$29.99`, `budget $5000`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from dsl import check_errors as errors
from dsl import syntax
from dsl.arithmetic import currency_span
from dsl.catalog import sold_in
from dsl.catalog_shapes import MOST_MINOR_UNITS, dollar
from dsl.check_errors import Wrong
from dsl.choices import TimeUnit
from dsl.currencies import EXPONENTS, exponent
from dsl.datatypes import Money
from dsl.names import Scope
from dsl.products import BelowCost
from dsl.source import Span
from dsl.typed import AmountOff, FixedPrice, PercentOff, Price

_MONTHS = {TimeUnit.MONTHS: 1, TimeUnit.YEARS: 12}


def check_price(scope: Scope, price: syntax.Price, products: Sequence[str]) -> Price:
    """Raises Wrong with the first error; a currency that nothing offered is priced in is noted."""
    found = _typed(scope, price, products)
    _tell_below_cost(scope, found, _amount_of(price).span, products)
    return found


def _typed(scope: Scope, price: syntax.Price, products: Sequence[str]) -> Price:
    term = months(price.term) if price.term else None
    match price:
        case syntax.PercentOff(percent):
            return PercentOff(_percent(scope, percent), term)
        case syntax.AmountOff(money):
            return AmountOff(_amount(scope, money, products), term)
        case syntax.FixedPrice(money):
            if money.amount == 0:
                raise Wrong(errors.no_price(money.span))
            return FixedPrice(_amount(scope, money, products), term)


def _amount_of(price: syntax.Price) -> syntax.Percent | syntax.Money:
    return price.percent if isinstance(price, syntax.PercentOff) else price.money


def reduced(price: Price | None, full: Fraction) -> Fraction:
    """What is left of the full price of a billing interval, in minor units of the price's own currency.

    Never below zero, and never more than the full price: an offer is no reason to pay more.
    """
    match price:
        case PercentOff(percent):
            return full * (100 - Fraction(percent)) / 100
        case AmountOff(amount):
            return max(full - amount.minor, Fraction(0))
        case FixedPrice(amount):
            return min(full, Fraction(amount.minor))
    return full


def rounded(amount: Fraction) -> int:
    """The nearest whole minor unit; a half goes up. Every bill is rounded by this, once."""
    return math.floor(amount + Fraction(1, 2))


def _tell_below_cost(scope: Scope, price: Price, span: Span, products: Sequence[str]) -> None:
    """The first flat price that this one brings under its cost; Raises Wrong where the policy forbids it."""
    policy = scope.catalog.policies.offers.below_cost
    for name in products if policy is not BelowCost.ALLOW else ():
        for interval, several in scope.catalog.product(name).charges.items():
            for full in (one.flat for one in several):
                if full is None or (left := _left_under_cost(scope, price, name, interval, full)) is None:
                    continue
                finding = errors.below_cost(span, name, interval, *left, forbidden=policy is BelowCost.FORBID)
                if policy is BelowCost.FORBID:
                    raise Wrong(finding)
                scope.notes.append(finding)
                return


def _left_under_cost(scope: Scope, price: Price, name: str, interval: str, full: Money) -> tuple[Money, Money] | None:
    """The reduced price and the cost that it is under."""
    cost = scope.catalog.product(name).flat_cost(interval, full)
    if cost is None or (not isinstance(price, PercentOff) and price.amount.currency != full.currency):
        return None
    left = reduced(price, Fraction(full.minor))
    return (Money(rounded(left), full.currency), cost) if left < cost.minor and left < full.minor else None


def _percent(scope: Scope, percent: syntax.Percent) -> Decimal:
    largest = scope.catalog.policies.largest_discount
    if percent.value > 100:
        raise Wrong(errors.too_large_discount(percent.span))
    if percent.value == 0:
        raise Wrong(errors.no_discount(percent.span))
    if largest is not None and percent.value > largest:
        scope.notes.append(errors.over_policy(percent.span, largest))
    return percent.value


def _amount(scope: Scope, money: syntax.Money, products: Sequence[str]) -> Money:
    amount = typed_money(scope, money)
    priced = sorted(sold_in(scope.catalog, products))
    if priced and amount.currency not in priced:
        scope.notes.append(errors.price_currency(currency_span(money), products, priced, amount.currency))
    return amount


def typed_money(scope: Scope, money: syntax.Money) -> Money:
    """An amount of more than nothing, in minor units. Raises Wrong."""
    code = money.currency or dollar(scope.catalog.currency)
    if code not in EXPONENTS:
        raise Wrong(errors.unknown_currency(money.span, code, EXPONENTS))
    minor = money.amount.scaleb(exponent(code))
    if minor != minor.to_integral_value():
        raise Wrong(errors.too_fine(money.span, code, exponent(code)))
    if minor <= 0:
        raise Wrong(errors.no_money(money.span))
    if minor > MOST_MINOR_UNITS:
        raise Wrong(errors.too_large(money.span))
    return Money(int(minor), code)


def months(duration: syntax.Duration) -> int:
    """Invoices are a month's or a year's, so a term is months or years of at least one. Raises Wrong."""
    if duration.unit not in _MONTHS:
        raise Wrong(errors.term_in_months(duration.span))
    if duration.count == 0:
        raise Wrong(errors.no_time(duration.span, "at least 1 month"))
    return duration.count * _MONTHS[duration.unit]
