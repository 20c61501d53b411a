"""The basis rows of a column: for each of its classes (`codes`), bits that say whether a row's class is that.

Of an ordered column, row i of its rows says "class i or a higher one", of a named one "class i". A set of values is the
XOR of the rows of its toggles (`values`) with those that say what is known or missing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.matching.columns import Column, is_ordered
from engine.matching.values import Point, ValueSet

EVERY = 0
"""The row of bits that holds every row of the block."""

MISSING, KNOWN, FIRST = 0, 1, 2
"""Classes: the missing value; values below the first point, or that are none; the one that begins with it, or is it."""


@dataclass(frozen=True, slots=True)
class ColumnRows:
    """Rows number `first` to `first` + `height` of a column with these points, sorted."""

    column: Column
    points: Sequence[Point]
    first: int

    @property
    def height(self) -> int:
        return FIRST + len(self.points)

    @property
    def is_ordered(self) -> bool:
        return is_ordered(self.column)

    def parts(self, values: ValueSet) -> list[int]:
        """The numbers of the rows to XOR for a set of values."""
        known, missing = [self.first + KNOWN], [EVERY, self.first + KNOWN]
        if not self.is_ordered:
            known, missing = [EVERY, self.first + MISSING], [self.first + MISSING]
        if values.inside and values.missing:
            known, missing = [EVERY], []
        toggles = [self.first + FIRST + bisect_left(self.points, point) for point in values.toggles]
        return toggles + known * values.inside + missing * values.missing


def column_rows(pairs: Iterable[tuple[Column, ValueSet]], first: int) -> dict[Column, ColumnRows]:
    """The rows of each column that a set is wanted of, numbered from `first`."""
    points: dict[Column, set[Point]] = defaultdict(set)
    for column, values in pairs:
        points[column].update(values.toggles)
    found: dict[Column, ColumnRows] = {}
    for column, some in points.items():
        found[column] = ColumnRows(column, sorted(some), first)
        first += found[column].height
    return found
