"""Questions put to some rows of a batch: text patterns and clauses that compute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.operators import OPERATORS
from engine.matching.bits import Standing
from engine.matching.columns import Clause, Pattern
from engine.matching.named_codes import Texts
from engine.matching.number_codes import Codes
from engine.matching.verdicts import verdicts

Asking = Callable[[int, int, Standing], Codes]
"""The answers of the rows from a first up to, but not with, another, at least of those (numbered from the first) that
stand; as codes of a flag, 0 where it is open."""

FEW_TEXTS = 256
"""So many texts are soon tried: sooner than it is found out who needs it."""


def asking_pattern(texts: Texts, pattern: Pattern, points: Sequence[bool], today: dt.date) -> Asking:
    """A pattern is tried once a distinct text; where texts are many, when a row first needs it."""
    meaning = OPERATORS[pattern.operator].meaning
    code = {truth: 2 + points.index(truth) if truth in points else 1 for truth in (False, True)}

    def tried(text: str) -> int:
        return code[meaning(text, pattern.operands, today)]

    if len(texts.entries) <= FEW_TEXTS:
        coding = texts.coding(tried, np.uint8)
        return lambda start, stop, _: coding(start, stop)
    by_entry = np.zeros(len(texts.entries), np.uint8)
    is_open = np.array([text is not None for text in texts.entries])

    def ask(start: int, stop: int, standing: Standing) -> Codes:
        rows = standing()
        entries = texts.indices[start:stop][rows]
        for entry in np.unique(entries[is_open[entries]]).tolist():
            by_entry[entry] = tried(str(texts.entries[entry]))
            is_open[entry] = False
        return _spread(stop - start, rows, by_entry[entries])

    return ask


def asking_clause(table: pa.Table, clause: Clause, points: Sequence[bool], today: dt.date) -> Asking:
    """A clause is asked of all that stand at once."""

    def ask(start: int, stop: int, standing: Standing) -> Codes:
        rows = standing()
        some = verdicts(table.slice(start, stop - start), clause, points, rows, today) if len(rows) else rows
        return _spread(stop - start, rows, some)

    return ask


def _spread(size: int, rows: npt.NDArray[np.int64], some: npt.NDArray[Any]) -> Codes:
    codes = np.zeros(size, np.uint8)
    codes[rows] = some
    return codes
