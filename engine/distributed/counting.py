"""Counters by rule and batch, made of what the groups of customers counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import pyarrow as pa

from engine.decisions.ledger import tally
from engine.distributed.layout import BATCH_KEY, COUNTERS
from engine.distributed.work import BatchKey, Work

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


def by_result(counted: Mapping[tuple[BatchKey, str, str], int]) -> dict[tuple[BatchKey, str], Counter[str]]:
    """Counts by (batch, rule, result) as `Results`."""
    found: dict[tuple[BatchKey, str], Counter[str]] = defaultdict(Counter)
    for (key, rule, result), count in counted.items():
        found[key, rule][result] += count
    return found
