"""How late an event may be told and still be a moment: as the rules that listen to it say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from dsl.catalog import Catalog
from dsl.typed import Ruleset
from engine.lateness import longest
from engine.store.events import CATCH_UP, HOWEVER_OLD, Bounds, event_moment


def event_bounds(ruleset: Ruleset) -> Bounds:
    """For each event moment the longest of the ruleset's bound and those of the rules that listen to it.

    An event is recorded once for all its rules, so the most patient of them counts; whether it is still in time for
    each of the others is asked when it is decided.
    """
    return {
        name: longest(
            ruleset.catalog, [rule for rule in ruleset.rules if any(use.moment == name for use in rule.moments)]
        )
        for name in _event_moments(ruleset.catalog)
    }


def live_bounds(catalog: Catalog) -> Bounds:
    """The bounds of an import that is live: no event is too old to be a moment."""
    return dict.fromkeys(_event_moments(catalog), HOWEVER_OLD)


def in_words(bounds: Iterable[dt.timedelta]) -> str:
    """ "1 day", or "1 day to 7 days, as the moments' rules allow" where several differ."""
    lengths = sorted(set(bounds)) or [CATCH_UP]
    if len(lengths) == 1:
        return _words(lengths[0])
    return f"{_words(lengths[0])} to {_words(lengths[-1])}, as the moments' rules allow"


def _event_moments(catalog: Catalog) -> list[str]:
    return [name for name in catalog.moments if event_moment(catalog, name)]


def _words(length: dt.timedelta) -> str:
    hours = length.days * 24 + length.seconds // 3600
    count, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{count:,} {unit}{'s' * (count != 1)}"
