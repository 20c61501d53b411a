"""Prices and amounts in a rule: `20% off for 3 months`, `$5 off`, `$29.99`, `budget $5000`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dsl import check_errors as errors
from dsl import syntax
from dsl.arithmetic import currency_span
from dsl.catalog_shapes import MOST_MINOR_UNITS, dollar
from dsl.check_errors import Wrong
from dsl.choices import TimeUnit
from dsl.currencies import EXPONENTS, exponent
from dsl.datatypes import Money
from dsl.names import Scope
from dsl.typed import AmountOff, FixedPrice, PercentOff, Price

_MONTHS = {TimeUnit.MONTHS: 1, TimeUnit.YEARS: 12}


def check_price(scope: Scope, price: syntax.Price, products: Sequence[str]) -> Price:
    """Raises Wrong with the first error; a currency that nothing offered is priced in is noted."""
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
    offered = [{**scope.catalog.plans, **scope.catalog.addons}[name] for name in products]
    priced = sorted({price.currency for product in offered for price in product.prices.values()})
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
