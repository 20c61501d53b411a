"""Clauses that compute, asked of some rows of a batch: arithmetic and two terms side by side, by the book."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.matching.columns import Clause
from engine.matching.interpreter import holds
from engine.matching.reads import attributes_of, historic, sides
from engine.matching.rows import full_rows


def verdicts(
    table: pa.Table, clause: Clause, points: Sequence[bool], rows: npt.NDArray[np.int64], today: dt.date
) -> npt.NDArray[np.uint8]:
    """What the clause says of the numbered rows, as codes of a flag with these points; 0 where it is open."""
    code: dict[bool | None, int] = {None: 0, False: 1, True: 1}
    code.update((truth, 2 + number) for number, truth in enumerate(points))
    attributes = dict.fromkeys(attribute for side in sides(clause) for attribute in attributes_of(side))
    chosen = full_rows(table.take(rows), list(attributes), historic(clause))
    return np.array([code[holds(clause, row, today)] for row in chosen], dtype=np.uint8)
