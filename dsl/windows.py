"""A stretch of time that ends at the instant it is seen from."""

from __future__ import annotations

from dataclasses import dataclass

from dsl.choices import TimeUnit


@dataclass(frozen=True, slots=True)
class Window:
    """`last 30 days`, seen from an instant t: of hours, days and weeks the span up to and with t, without its start.

    Months and years go by the calendar from t's local date. Event time counts.
    """

    count: int
    unit: TimeUnit

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit[:-1]}"
