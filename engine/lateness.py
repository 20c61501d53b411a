"""How late an occurrence may still be acted on: `catch up within 3 days`, `catch up never`, else the ruleset's default.

Time counts from the due instant. Hours, days and weeks are exact spans; months and years go by the calendar, to the
same local time of the day. `never` still allows for the time that a pass takes (`ON_TIME`): a rule that never catches
up is sent by the pass that is due, not by one after an outage.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from dsl.catalog import Catalog
from dsl.choices import TimeUnit
from dsl.operators import months_from
from dsl.typed import Rule, Window
from engine.moments.calendar import due_instant

ON_TIME = dt.timedelta(hours=1)

Bound = Window | dt.timedelta
"""A span of time, or a window that goes by the calendar."""

_SPANS = {
    TimeUnit.HOURS: dt.timedelta(hours=1),
    TimeUnit.DAYS: dt.timedelta(days=1),
    TimeUnit.WEEKS: dt.timedelta(weeks=1),
}
_MONTHS = {TimeUnit.MONTHS: 1, TimeUnit.YEARS: 12}
_LONGEST = {TimeUnit.MONTHS: dt.timedelta(days=32), TimeUnit.YEARS: dt.timedelta(days=367)}  # a clock change may add


def bound_of(catalog: Catalog, rule: Rule) -> Bound:
    """The rule's own bound, else the ruleset's."""
    if rule.catch_up is None:
        return _default(catalog)
    return ON_TIME if rule.catch_up.within is None else rule.catch_up.within


def latest(bound: Bound, due_at: dt.datetime, zone: str) -> dt.datetime:
    """The last instant at which something due at `due_at` (aware) may still be acted on."""
    if isinstance(bound, dt.timedelta):
        return due_at + bound
    if bound.unit in _SPANS:
        return due_at + bound.count * _SPANS[bound.unit]
    local = due_at.astimezone(ZoneInfo(zone))
    return due_instant(months_from(local.date(), bound.count * _MONTHS[bound.unit]), local.time(), zone)


def in_time(
    catalog: Catalog, rules: Iterable[Rule], due_at: dt.datetime, zone: str, now: dt.datetime
) -> tuple[Rule, ...]:
    """Those of the rules that may still act at `now` on what was due at `due_at`."""
    return tuple(rule for rule in rules if now <= latest(bound_of(catalog, rule), due_at, zone))


def longest(catalog: Catalog, rules: Iterable[Rule]) -> dt.timedelta:
    """A span that no bound of these rules exceeds, nor the ruleset's default."""
    return max(map(_widest, (_default(catalog), *(bound_of(catalog, rule) for rule in rules))))


def _default(catalog: Catalog) -> dt.timedelta:
    said = catalog.policies.catch_up
    return ON_TIME if said is None else said


def _widest(bound: Bound) -> dt.timedelta:
    if isinstance(bound, dt.timedelta):
        return bound
    return bound.count * (_SPANS.get(bound.unit) or _LONGEST[bound.unit])
