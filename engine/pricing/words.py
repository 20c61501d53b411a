"""What a message may say of an offer: the variables `offer.*` (`dsl.messages.OFFER_VARIABLES`), from one quote."""

from __future__ import annotations

from dsl.catalog import Catalog
from engine.pricing.quotes import Quote
from engine.pricing.refusals import Refused


def offer_words(catalog: Catalog, product: str, quoted: Quote | Refused) -> dict[str, object]:
    """By the name behind `offer.`: money in words, dates as dates; without a price only the product's name."""
    named: dict[str, object] = {"name": catalog.product(product).title}
    if isinstance(quoted, Refused):
        return named
    words = {
        "price": str(quoted.price),
        "list_price": str(quoted.list_price),
        "today": None if quoted.today is None else str(quoted.today),
        "saving": str(quoted.saving) if quoted.saving.minor else None,
        "until": quoted.until,
        "free_until": quoted.free_until,
        "interval": quoted.amounts.interval,
        "free_months": quoted.amounts.free_months or None,
    }
    return named | {name: value for name, value in words.items() if value is not None}
