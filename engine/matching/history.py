"""What happened before, as conditions ask for it: the subject's events, what was decided, what meters read.

A window is seen from an instant t. Hours, days and weeks are exact spans: an event counts if it happened after
t - N units (open) and not after t (closed), whatever the clocks did in between. Months and years go by the calendar:
an event counts if its local date is later than t's local date N months back (clamped to that month's end) and it
happened not after t. So `last 1 month` on 15 March begins with 16 February, as `last 28 days` at midnight would.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dsl.choices import HistoryVerb, TimeUnit
from dsl.datatypes import Value
from dsl.operators import months_from
from dsl.typed import DecidedCount, Window

NO_TIME = dt.timedelta(0)
MONTHS = {TimeUnit.MONTHS: 1, TimeUnit.YEARS: 12}
SPANS = {
    TimeUnit.HOURS: dt.timedelta(hours=1),
    TimeUnit.DAYS: dt.timedelta(days=1),
    TimeUnit.WEEKS: dt.timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the subject; `properties` by bare name."""

    moment: str
    at: dt.datetime
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """A product that was offered to the customer, or accepted."""

    verb: HistoryVerb
    product: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class History:
    """What was recorded by the instant `at` (aware) of a subject whose local time is that of `zone`.

    `usage` and `quota` are by meter, in its unit. The event that makes the occasion is among the events.
    """

    at: dt.datetime
    zone: dt.tzinfo
    events: Sequence[Happened] = ()
    decisions: Sequence[Decided] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    quota: Mapping[str, float] = field(default_factory=dict)

    def local_date(self, at: dt.datetime) -> dt.date:
        return at.astimezone(self.zone).date()

    def since(self, at: dt.datetime) -> dt.timedelta:
        """The exact time that has passed; local times of one zone would be told apart by their clocks."""
        return self.at.astimezone(dt.UTC) - at.astimezone(dt.UTC)

    def within(self, at: dt.datetime, window: Window | None) -> bool:
        """Whether something that happened at `at` lies in the window; without a window, whether it did by now."""
        passed = self.since(at)
        if passed < NO_TIME:
            return False
        if window is None:
            return True
        if window.unit in SPANS:
            return passed < window.count * SPANS[window.unit]
        return self.local_date(at) > months_from(self.local_date(self.at), -window.count * MONTHS[window.unit])

    def decided(self, term: DecidedCount) -> int:
        """How often the product (any, where the term names none) was offered or accepted."""
        return sum(
            one.verb is term.verb and term.product in (None, one.product) and self.within(one.at, term.window)
            for one in self.decisions
        )
