"""Why an offer cannot be taken any more."""

from __future__ import annotations

from engine.errors import CarpeError
from engine.offers.reading import OfferLine


class OfferRefused(CarpeError):
    """It is too late for it, or what it was made for has changed; `offer` is how it stands."""

    def __init__(self, reason: str, offer: OfferLine) -> None:
        super().__init__(reason)
        self.offer = offer
