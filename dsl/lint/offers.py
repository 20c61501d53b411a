"""What a rule offers, against the catalog: what its customers may have, and how far a price goes down."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from dsl.catalog import Catalog
from dsl.check_errors import Finding
from dsl.datatypes import Money
from dsl.lint import findings, places
from dsl.lint.facts import Facts, actions_of
from dsl.typed import AmountOff, FixedPrice, Offer, Rule


def check_offers(catalog: Catalog, rule: Rule, facts: Facts) -> Iterator[Finding]:
    for product, why in facts.obstacles:
        span = places.of_offer(rule, product)
        if why == "has":
            yield findings.already_has(span, product, facts.example)
        else:
            yield findings.plan_without_addon(span, product, catalog.addons[product].needs, facts.example)
    yield from _discounts(catalog, rule)


def _discounts(catalog: Catalog, rule: Rule) -> Iterator[Finding]:
    """Amounts that take more than the largest discount off the product's first price, which is the one a month where
    there is one; shares are told where they are read."""
    largest = catalog.policies.largest_discount
    offers = [action for action in actions_of(rule) if isinstance(action, Offer)]
    for offer in offers if largest is not None else ():
        for product in offer.products:
            declared = catalog.product(product)
            for interval, price in sorted(declared.prices.items())[:1]:
                off = _percent_off(offer, price)
                if off is not None and largest is not None and off > largest:
                    span = places.of_offer(rule, product)
                    yield findings.over_largest_discount(span, product, interval, off, largest)


def _percent_off(offer: Offer, price: Money) -> Decimal | None:
    """How many percent of a list price an amount takes off; None where the offer says no amount of its currency."""
    match offer.price:
        case AmountOff(amount) if amount.currency == price.currency and price.minor:
            return min(Decimal(100), Decimal(amount.minor * 100) / price.minor)
        case FixedPrice(amount) if amount.currency == price.currency and price.minor:
            return Decimal((price.minor - amount.minor) * 100) / price.minor
    return None
