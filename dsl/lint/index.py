"""Many boxes against each other by bit masks: which overlap one, and which include it.

For each cell the points of all regions cut its values into classes; for each class a mask tells the boxes that hold it
(a bit a box). Toggles make that cheap: a box flips its bit at each of its points. What overlaps a box holds, in each of
its cells, some class of its region; what includes it holds all of them and asks of no other cell.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import xor
from typing import Any

from dsl.lint.boxes import Box
from dsl.lint.regions import Cell, Region


class Index:
    """Boxes by number; every mask has a bit for each."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.everyone = (1 << len(boxes)) - 1
        self._columns: dict[Cell, _Column] = {}
        for number, box in enumerate(boxes):
            for cell, region in box.regions.items():
                if cell not in self._columns:
                    self._columns[cell] = _Column(ordered=cell.domain.ordered)
                self._columns[cell].add(1 << number, region)
        for column in self._columns.values():
            column.settle()

    def overlapping(self, box: Box) -> int:
        """The boxes that share a state with this one, as far as each cell by itself can tell."""
        found = self.everyone
        for cell, region in box.regions.items():
            column = self._columns[cell]
            found &= column.some(region) | ~column.asked
        return found

    def including(self, box: Box, among: int | None = None) -> int:
        """The boxes, among some, that hold wherever this one does."""
        found = self.everyone if among is None else among
        for cell, region in box.regions.items():
            column = self._columns[cell]
            found &= column.all_of(region) | ~column.asked
            if not found:
                return 0
        for cell, column in self._columns.items():
            if cell not in box.regions:
                found &= ~column.asked
        return found


class _Column:
    """One cell of all boxes. `asked` are the boxes that have it."""

    def __init__(self, *, ordered: bool) -> None:
        self.ordered = ordered
        self.asked = self._inside = self._missing = 0
        self._flips: dict[Any, int] = {}
        self._some: dict[Region, int] = {}
        self._all: dict[Region, int] = {}

    def add(self, bit: int, region: Region) -> None:
        self.asked |= bit
        self._inside |= bit if region.inside else 0
        self._missing |= bit if region.missing else 0
        for point in region.toggles:
            self._flips[point] = self._flips.get(point, 0) ^ bit

    def settle(self) -> None:
        """All boxes are there: work out the mask of each class."""
        if self.ordered:
            self._points = sorted(self._flips)
            self._classes = list(accumulate((self._flips[point] for point in self._points), xor, initial=self._inside))
        else:
            self._points = list(self._flips)
            self._classes = [self._inside, *(self._inside ^ self._flips[point] for point in self._points)]

    def some(self, region: Region) -> int:
        """The boxes that hold any value of the region, which is one of the column's own."""
        if region not in self._some:
            found = self._missing if region.missing else 0
            for mask in self._of(region):
                found |= mask
            self._some[region] = found
        return self._some[region]

    def all_of(self, region: Region) -> int:
        if region not in self._all:
            found = self._missing if region.missing else self.asked
            for mask in self._of(region):
                found &= mask
            self._all[region] = found
        return self._all[region]

    def _of(self, region: Region) -> Iterator[int]:
        """The masks of the classes that the region is made of."""
        if self.ordered:
            cuts = [0, *(bisect_left(self._points, point) + 1 for point in region.toggles), len(self._classes)]
            for at in range(0 if region.inside else 1, len(cuts) - 1, 2):
                yield from self._classes[cuts[at] : cuts[at + 1]]
        else:
            if region.inside:
                yield self._classes[0]
            for point, mask in zip(self._points, self._classes[1:], strict=True):
                if region.inside != (point in region.toggles):
                    yield mask


def numbers(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
