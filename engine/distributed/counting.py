"""Counters by rule and batch, or by rule and what happened on a day, made of what the groups of customers counted."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import pyarrow as pa

from dsl.typed import MomentUse
from engine.decisions.ledger import tally
from engine.distributed.layout import BATCH_KEY, COUNTERS
from engine.distributed.work import BatchKey, Work
from engine.plans import Plans

Key = TypeVar("Key")

Results = Mapping[tuple[BatchKey, str], Mapping[str, int]]
"""By batch and rule, how many decisions had a result."""


def counters(
    work: Work, due: Mapping[BatchKey, int], again: Mapping[tuple[BatchKey, str], int], results: Results
) -> pa.Table:
    """A row (`COUNTERS`) for every batch with occurrences and every rule that listens to it.

    `due` counts occurrences, `again` the matches of a rule that were decided before: they are not due again.
    """
    by_use = {(use.moment, use.distance): use for use in work.uses}
    rows = []
    for key, occurrences in sorted(due.items()):
        use = by_use[key[:2]]
        named = {name: value for (name, _), value in zip(BATCH_KEY, key, strict=True)}
        for rule in work.plans.listening(use, work.day):
            left = occurrences - again.get((key, rule.name), 0)
            counted = tally(rule.name, use, work.day, left, results.get((key, rule.name), {}))
            rows.append(counted | named | {"occurrences": occurrences})
    return pa.Table.from_pylist(rows, COUNTERS)


Happened = tuple[str, int, dt.date]
"""moment, offset, local day"""


def event_counters(
    plans: Plans,
    met: Mapping[Happened, int],
    again: Mapping[tuple[Happened, str], int],
    results: Mapping[tuple[Happened, str], Mapping[str, int]],
) -> Iterator[dict[str, Any]]:
    """A row of counters, without its pass, for each rule that listens to what happened.

    `met` counts occurrences, `again` what a rule had decided before.
    """
    uses = {(use.moment, use.distance): use for use in plans.happening()}
    for (moment, offset, day), occurrences in sorted(met.items()):
        use = uses.get((moment, offset), MomentUse(moment))
        for rule in plans.listening(use, day) if occurrences else ():
            key = (moment, offset, day), rule.name
            yield tally(rule.name, use, day, occurrences - again.get(key, 0), results.get(key, {}))


def by_result(counted: Mapping[tuple[Key, str, str], int]) -> dict[tuple[Key, str], Counter[str]]:
    """Counts by (batch or `Happened`, rule, result) as `Results`."""
    found: dict[tuple[Key, str], Counter[str]] = defaultdict(Counter)
    for (key, rule, result), count in counted.items():
        found[key, rule][result] += count
    return found
