"""What the language may ask of live data: nothing here knows a database, whoever has one answers."""

from __future__ import annotations

from typing import Protocol


class Statistics(Protocol):
    """Counts over the customers and subscriptions as they are now."""

    def share_known(self, key: str) -> float | None:
        """The share of rows, 0 to 1, that have a value for `customer.country`; None where nobody knows."""

    def missing(self, key: str) -> int | None:
        """How many rows have no value for `customer.country`; None where nobody knows."""
