"""How late an event may be told and still be a moment: as the rules that listen to it say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from dsl.catalog import Catalog
from dsl.syntax import TimeUnit
from dsl.typed import Ruleset, Window
from engine.store.events import CATCH_UP, Bounds, event_moment

_HOURS = {
    TimeUnit.HOURS: 1,
    TimeUnit.DAYS: 24,
    TimeUnit.WEEKS: 7 * 24,
    TimeUnit.MONTHS: 31 * 24,
    TimeUnit.YEARS: 366 * 24,
}
FARTHEST = dt.timedelta(days=366 * 400)
"""Longer than anything that can be told is old."""


def event_bounds(ruleset: Ruleset) -> Bounds:
    """For each event moment the longest of the usual bound and what its rules allow with `catch up within`.

    An event is recorded once for all its rules, so the most patient of them counts; whether it is still in time for
    each of the others is asked when it is decided. A month counts as 31 days here, a year as 366.
    """
    bounds = dict.fromkeys(_event_moments(ruleset.catalog), CATCH_UP)
    for rule in ruleset.rules:
        if rule.catch_up is not None and rule.catch_up.within is not None:
            allowed = _at_most(rule.catch_up.within)
            for use in rule.moments:
                if use.moment in bounds:
                    bounds[use.moment] = max(bounds[use.moment], allowed)
    return bounds


def live_bounds(catalog: Catalog) -> Bounds:
    """The bounds of an import that is live: no event is too old to be a moment."""
    return dict.fromkeys(_event_moments(catalog), FARTHEST)


def in_words(bounds: Iterable[dt.timedelta]) -> str:
    """ "1 day", or "1 day to 7 days, as the moments' rules allow" where several differ."""
    lengths = sorted(set(bounds)) or [CATCH_UP]
    if len(lengths) == 1:
        return _words(lengths[0])
    return f"{_words(lengths[0])} to {_words(lengths[-1])}, as the moments' rules allow"


def _event_moments(catalog: Catalog) -> list[str]:
    return [name for name in catalog.moments if event_moment(catalog, name)]


def _at_most(window: Window) -> dt.timedelta:
    return dt.timedelta(hours=window.count * _HOURS[window.unit])


def _words(length: dt.timedelta) -> str:
    hours = length.days * 24 + length.seconds // 3600
    count, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{count:,} {unit}{'s' * (count != 1)}"
