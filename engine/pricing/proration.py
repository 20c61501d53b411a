"""What a change between two bills costs at once: the rest of the running period at the new price, less it at the old.

The share of a period that is left is counted in days, both ends being local midnights (`by_day`, as most bills do it),
or in seconds from the instant of the change (`by_second`, as Stripe does). Days count alike whatever the clocks do; in
seconds a day on which they change is an hour longer or shorter.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from dsl.datatypes import Money
from dsl.prices import rounded
from dsl.products import Proration
from engine.pricing.amounts import Amounts


class Span(NamedTuple):
    """A billing period: its first local day, and that of the next."""

    start: dt.date
    end: dt.date


@dataclass(frozen=True, slots=True)
class Prorated:
    """The rest of the running period: `left` of `whole`, in `unit`. `credit` is for what is paid today, None if not
    known.
    """

    left: int
    whole: int
    unit: str  # days | seconds
    charge: Money
    credit: Money | None

    @property
    def due(self) -> Money | None:
        """What is charged at once, never below zero."""
        return None if self.credit is None else _above(self.charge, self.credit)

    @property
    def carried(self) -> Money | None:
        """What of the credit is left for later bills."""
        return None if self.credit is None else _above(self.credit, self.charge)


def _above(one: Money, other: Money) -> Money:
    return Money(max(one.minor - other.minor, 0), one.currency)


def prorated(mode: Proration, amounts: Amounts, period: Span, day: dt.date, at: dt.datetime | None) -> Prorated | None:
    """Of a change on a local day within a period, taken at the instant `at` (None: the day's first); None where the
    mode charges nothing at once.
    """
    match mode:
        case Proration.BY_DAY:
            left, whole, unit = (period.end - day).days, (period.end - period.start).days, "days"
        case Proration.BY_SECOND:
            zone = at.tzinfo if at is not None else dt.UTC
            start, taken, end = (dt.datetime.combine(one, dt.time(), zone) for one in (period.start, day, period.end))
            left, whole, unit = _seconds(at or taken, end), _seconds(start, end), "seconds"
        case _:
            return None
    share = Fraction(left, whole)
    credit = None if amounts.today is None else amounts.money(rounded(amounts.today * share))
    return Prorated(left, whole, unit, amounts.money(rounded(amounts.bills[0].charged * share)), credit)


def _seconds(one: dt.datetime, other: dt.datetime) -> int:
    """Whole seconds that pass between two instants; of one that has begun, none."""
    return int((other.astimezone(dt.UTC) - one.astimezone(dt.UTC)).total_seconds())
