"""What a batch is decided to: its candidates without what was decided before. Pure: the caller reads and writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.decisions.batch_prices import BatchPrices
from engine.decisions.candidates import Case
from engine.decisions.decide import Decided, decide
from engine.decisions.occasions import Batch
from engine.decisions.precedents import NO_PRECEDENTS, Precedents
from engine.decisions.tables import Occurrence, case_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decided batch: candidates with their ids, and how many matches of a part's rule were decided before."""

    batch: Batch
    case: Case
    decided: Decided
    ids: Sequence[str]
    precedents: Precedents
    prices: BatchPrices
    repeats: Mapping[tuple[int, int], int]  # (part, rule)


def matched_occurrences(batch: Batch) -> set[Occurrence]:
    """The occurrences that any rule of the batch matched."""
    rows = batch.table.take(np.unique(batch.row))
    names = ("subject", "moment", "offset", "occurrence")
    return set(zip(*(rows[name].to_pylist() for name in names), strict=True))


def outcome(
    batch: Batch,
    known: Collection[str],
    taken: Mapping[Occurrence, str],
    paused: Collection[str] = (),
    precedents: Precedents = NO_PRECEDENTS,
) -> Outcome:
    """Decide what was not decided before: `known` are ids of decisions that are there, `taken` occurrences won.

    `paused` are names of rules; `precedents` are of the batch (`batch_precedents`).
    """
    row, rule, ids = batch.row, batch.rule, np.array(batch.ids, object)
    again = np.array([each in known for each in batch.ids], np.bool_) if known else np.zeros(len(row), np.bool_)
    prices = BatchPrices(batch.table, batch.rules, batch.days)
    case = case_of(batch.table, batch.rules, taken, paused, prices=prices, precedents=precedents)
    decided = decide(case, row[~again], rule[~again])
    found = ids[_places(batch, decided)].tolist()
    return Outcome(batch, case, decided, found, precedents, prices, _repeats(batch, np.flatnonzero(again).tolist()))


def _places(batch: Batch, decided: Decided) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each candidate is among the matches of the batch."""
    width = len(batch.rules.rules)
    keys = batch.row * width + batch.rule
    order = np.argsort(keys)
    places: np.ndarray[tuple[int], np.dtype[np.int64]] = order[
        np.searchsorted(keys, decided.candidates.row * width + decided.candidates.rule, sorter=order)
    ]
    return places


def _repeats(batch: Batch, again: Sequence[int]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    parts = batch.part_of(batch.row[again]).tolist() if again else []
    for index, part in zip(again, parts, strict=True):
        found[part, int(batch.rule[index])].add(batch.ids[index])
    return {key: len(each) for key, each in found.items()}
