"""How likely offers are taken to be accepted: what the catalog says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PropensityPolicy:
    """Rates are learned from the answers so far, apart for each value of the attribute `by` (a key, None: together).

    `prior` is the part of the customers that accept an offer of which nothing is known. Where the attribute `column` (a
    key) has a number from 0 to 1, that is the rate. `explore`: rates are drawn from what is believed (Thompson
    sampling), so that what is little known is tried.
    """

    by: str | None = None
    column: str | None = None
    explore: bool = False
    prior: Decimal = Decimal(5)
