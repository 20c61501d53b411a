"""Tables of masks: for each class of a column's values, which conjuncts the class does not rule out.

A mask is a Python integer with a bit a conjunct. A table is made from the toggles of the value sets (`values`): start
with the conjuncts whose set holds the first class, and flip, at each point, the conjuncts whose set flips there. The
sets that conjuncts want of one column are distinct, so each conjunct is in one of their masks at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import xor
from typing import Any

from engine.matching.bound import BoundConjunct
from engine.matching.columns import Column
from engine.matching.values import ValueSet


def wanted(conjuncts: Iterable[BoundConjunct]) -> dict[Column, list[tuple[int, ValueSet]]]:
    """For each column, the distinct sets wanted of it, with the mask of the conjuncts that want each."""
    numbers: dict[Column, dict[ValueSet, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, conjunct in enumerate(conjuncts):
        for column, values in conjunct.sets.items():
            numbers[column][values].append(number)
    return {column: [(mask_of(some), values) for values, some in sets.items()] for column, sets in numbers.items()}


def mask_of(numbers: Iterable[int]) -> int:
    """The mask with these bits."""
    found = list(numbers)
    octets = bytearray(max(found, default=0) // 8 + 1)
    for number in found:
        octets[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(octets, "little")


def bits_of(mask: int) -> Iterator[int]:
    """The numbers of a mask's bits, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class FirstOfRun:
    """Keeps of each run of neighbouring bits the lowest that is set; `runs` names each bit's run.

    Whether an earlier bit of the run is set is spread over the mask in doubling steps, each kept within its run, so
    that a mask of any number of runs takes a few operations.
    """

    def __init__(self, runs: Sequence[int]) -> None:
        places = [0] * len(runs)
        for number in range(1, len(runs)):
            if runs[number] == runs[number - 1]:
                places[number] = places[number - 1] + 1
        last = max(places, default=0)
        self._later = mask_of(number for number, place in enumerate(places) if place)
        self._steps = [
            (shift, mask_of(number for number, place in enumerate(places) if place >= shift))
            for shift in (1 << step for step in range(last.bit_length()))
            if shift < last
        ]

    def of(self, mask: int) -> int:
        """The mask without the bits that have an earlier one in their run."""
        spread = mask
        for shift, reach in self._steps:
            spread |= (spread << shift) & reach
        return mask & ~((spread << 1) & self._later)


def _first_and_missing(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[int, int]:
    """The masks for the first class and for the missing value: those who do not ask, and those whose set holds it."""
    asking = inside = missing = 0
    for mask, values in sets:
        asking |= mask
        inside |= mask if values.inside else 0
        missing |= mask if values.missing else 0
    free = everything & ~asking
    return free | inside, free | missing


def _flips(sets: list[tuple[int, ValueSet]]) -> dict[Any, int]:
    flips: dict[Any, int] = defaultdict(int)
    for mask, values in sets:
        for point in values.toggles:
            flips[point] |= mask
    return flips


def by_class(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[list[Any], list[int], int]:
    """For an ordered column: the points, the mask of each class between them, and that of the missing value."""
    first, missing = _first_and_missing(sets, everything)
    flips = _flips(sets)
    points = sorted(flips)
    return points, list(accumulate((flips[point] for point in points), xor, initial=first)), missing


def by_value(sets: list[tuple[int, ValueSet]], everything: int) -> tuple[dict[Any, int], int]:
    """For a named column: the mask of each value that is a point (and of None), and that of every other value."""
    other, missing = _first_and_missing(sets, everything)
    return {None: missing, **{point: other ^ mask for point, mask in _flips(sets).items()}}, other


class Elements:
    """The masks of a set attribute, an element that is asked for at a time; the answer for a whole set is kept."""

    KEPT = 4096

    def __init__(self, key: str, sets: Mapping[str, list[tuple[int, ValueSet]]], everything: int) -> None:
        self.key = key
        self._everything = everything
        self._tables = {element: by_value(some, everything) for element, some in sets.items()}
        self._kept: dict[Any, int] = {}

    def mask(self, held: Any) -> int:
        """The conjuncts that this set of elements (None: missing) does not rule out."""
        found = self._kept.get(held)
        if found is None:
            found = self._everything
            for mask in self.each(held):
                found &= mask
            if len(self._kept) >= self.KEPT:
                self._kept.clear()
            self._kept[held] = found
        return found

    def each(self, held: Any) -> Iterator[int]:
        """The same of one element after the other."""
        for element, (masks, other) in self._tables.items():
            yield masks.get(None if held is None else element in held, other)
