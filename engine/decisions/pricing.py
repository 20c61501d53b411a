"""What an offer costs: the list price of a product for one subscription. Reductions come with the quote engine."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.catalog import Catalog, Product
from dsl.datatypes import Money, Value


def product(catalog: Catalog, name: str) -> Product:
    """The declared plan or add-on of this name (the checker has seen to it that there is one)."""
    return catalog.plans[name] if name in catalog.plans else catalog.addons[name]


def list_price(offered: Product, subscription: Mapping[str, Value]) -> Money | None:
    """A product's price for the subscription's billing interval (month where it has none) in its currency, or None."""
    interval = str(subscription.get("subscription.billing_interval", "month"))
    price = offered.prices.get(interval)
    currency = subscription.get("subscription.currency")
    return price if price is not None and currency in (None, price.currency) else None
