"""The global limits of rules: `at most 500 customers per day`, `budget $5000 per week`, and their calendar periods.

Periods are days, weeks from Monday and months in the ruleset's zone, taken at the instant of the decision: what is
caught up after an outage counts for the day on which it is sent.

A budget is in one currency. An offer draws on its rule's budgets in its own currency; one that gives something away in
a currency in which its rule has no budget is refused, for nobody said how much of that may be given. A rule that sells
in several currencies has a `budget` for each. An offer at the list price costs nothing and needs no budget.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from dsl.choices import TimeUnit
from dsl.datatypes import Money
from dsl.typed import Rule


class LimitKind(StrEnum):
    VOLUME = "volume"  # customers
    MONEY = "money"  # minor units of discount


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def start(self, instant: dt.datetime, zone: str) -> dt.date:
        """The first day of the period around an aware instant, in a time zone."""
        day = instant.astimezone(ZoneInfo(zone)).date()
        match self:
            case Period.WEEK:
                return day - dt.timedelta(days=day.weekday())
            case Period.MONTH:
                return day.replace(day=1)
        return day


_PERIODS = {TimeUnit.DAYS: Period.DAY, TimeUnit.WEEKS: Period.WEEK, TimeUnit.MONTHS: Period.MONTH}


@dataclass(frozen=True, slots=True, order=True)
class Limit:
    """One limit of a rule. `currency` is empty for customers; `most` counts customers or minor units."""

    rule: str
    kind: LimitKind
    period: Period
    currency: str
    most: int

    def __str__(self) -> str:
        what = f"{self.most:,} customers" if self.kind is LimitKind.VOLUME else str(Money(self.most, self.currency))
        return f"{what} per {self.period}"


def limits_of(rules: Iterable[Rule]) -> tuple[Limit, ...]:
    """The limits of some rules, in one order everywhere; where a rule says the same twice, the smaller counts."""
    least: dict[tuple[str, LimitKind, Period, str], int] = {}
    for rule in rules:
        for cap in rule.customers_caps:
            _keep(least, (rule.name, LimitKind.VOLUME, _PERIODS[cap.per], ""), cap.count)
        for budget in rule.budgets:
            money = budget.amount
            _keep(least, (rule.name, LimitKind.MONEY, _PERIODS[budget.per], money.currency), money.minor)
    return tuple(sorted(Limit(*key, most) for key, most in least.items()))


def _keep(
    least: dict[tuple[str, LimitKind, Period, str], int], key: tuple[str, LimitKind, Period, str], most: int
) -> None:
    least[key] = min(most, least.get(key, most))
