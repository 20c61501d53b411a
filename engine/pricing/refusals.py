"""Why an offer has no price for somebody: codes that are stored, and what each says to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOT_SOLD = "not_sold_now"
NO_PRICE = "no_price"
OTHER_CURRENCY = "other_currency"
LIST_CURRENCY = "price_list_currency"
UNKNOWN_QUANTITY = "unknown_quantity"
BELOW_COST = "below_cost"

WORDING: Mapping[str, tuple[str, str]] = {
    NOT_SOLD: ("it is not sold on that day", "{detail} is not sold on that day"),
    NO_PRICE: ("it has no price for them", "there is no price of {detail}"),
    OTHER_CURRENCY: (
        "they pay in another currency than the offer's",
        "the offer's price is in {detail}, and the customer pays in another currency",
    ),
    LIST_CURRENCY: ("their price list is in another currency than they pay in", "the price list {detail}"),
    UNKNOWN_QUANTITY: ("what its price counts is not known", "{detail} is not known, and the price depends on it"),
    BELOW_COST: ("the price would be less than the cost", "{detail} would be sold for less than it costs"),
}
"""By code: what it says of many, and of one with its detail; without a capital or a stop."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no price: `reason` is a code above, `detail` what it is about."""

    reason: str
    detail: str

    @property
    def sentence(self) -> str:
        return WORDING[self.reason][1].format(detail=self.detail)
