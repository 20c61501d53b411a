"""The quote of an offer as it is kept: what was promised, without the dates that the day of acceptance decides."""

from __future__ import annotations

from collections.abc import Mapping

from engine.pricing.amounts import Amounts
from engine.store.documents import Json


def kept_quote(amounts: Amounts) -> Mapping[str, Json]:
    """Minor units of `currency`; months count from the first bill. What is None or nothing stays in, as such."""
    return {
        "product": amounts.product,
        "currency": amounts.currency,
        "interval": amounts.interval,
        "months": amounts.months,
        "today": amounts.today,
        "list_price": amounts.list_price,
        "price": amounts.price,
        "reduced_months": amounts.reduced_months,
        "free_months": amounts.free_months,
        "extras": list(amounts.extras),
        "saving": amounts.saving,
        "discount_cost": amounts.discount_cost,
        "value": amounts.value,
    }
