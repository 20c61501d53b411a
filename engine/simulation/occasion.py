"""What would be decided on one occasion: the calls of a pass, stopped before anything is written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from engine.decisions.occasions import Part, merge
from engine.decisions.results import outcome
from engine.decisions.written import written
from engine.plans import Plans
from engine.reports.decisions import DecisionLine, line


def would_be(plans: Plans, parts: Sequence[Part], now: dt.datetime) -> tuple[DecisionLine, ...]:
    """The decisions that a first meeting of these occurrences would make, winners first."""
    if not parts:
        return ()
    decided = outcome(merge(parts, plans.rules), frozenset(), {})
    rows = written(decided, now, ruleset=plans.ruleset.digest, pass_id=None).decisions.to_pylist()
    return tuple(line(row | {"channels": json.loads(row["channels"])}) for row in rows)
