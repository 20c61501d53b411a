"""Texts and sets of a batch as codes (see `codes`): the work of a text is done once a distinct text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.matching.arrays import whole
from engine.matching.number_codes import Codes

Coding = Callable[[int, int], Codes]
"""The codes of a batch's rows from a first up to, but not with, another."""


class Texts:
    """A column of texts: its distinct `entries`, None last, and for each row its place among them, `indices`."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        found = whole(values.unify_dictionaries())
        self.entries: list[str | None] = [*found.dictionary.to_pylist(), None]
        indices = found.indices.cast(pa.int32())
        if indices.null_count:
            indices = pc.fill_null(indices, pa.scalar(len(self.entries) - 1, pa.int32()))
        self.indices: npt.NDArray[np.int32] = indices.to_numpy()

    def coding(self, code: Callable[[str], int], width: type[np.unsignedinteger[Any]]) -> Coding:
        """`code` is asked once an entry; 0 where the text is missing."""
        by_entry = np.array([0 if entry is None else code(entry) for entry in self.entries], width)
        return lambda start, stop: by_entry.take(self.indices[start:stop], mode="clip")


class Lists:
    """A column of lists, of which some elements are asked for."""

    BLOCKS_KEPT = 8
    """At least one a thread: the columns of one block are coded one after the other."""

    def __init__(self, values: pa.ChunkedArray, elements: Sequence[str]) -> None:
        self._held = whole(values)
        self._known = np.asarray(self._held.is_valid().to_numpy(zero_copy_only=False), np.uint8)
        self._numbers = {element: number for number, element in enumerate(dict.fromkeys(elements))}
        self._asked = pa.array(list(self._numbers), pa.string())
        self._found = lru_cache(self.BLOCKS_KEPT)(self._find)

    def coding(self, element: str) -> Coding:
        """0 missing, 1 a list without the element, 2 one with it."""
        group, bit = divmod(self._numbers[element], GROUP)

        def code(start: int, stop: int) -> Codes:
            codes: Codes = (self._found(start, stop)[group] >> np.uint8(bit)) & np.uint8(1)
            codes += self._known[start:stop]
            return codes

        return code

    def _find(self, start: int, stop: int) -> list[npt.NDArray[np.uint8]]:
        """For each row of a block the elements that its list has, a bit each, in groups of so many."""
        held = self._held.slice(start, stop - start)
        texts = pc.list_flatten(held)
        texts = texts.cast(texts.type.value_type) if pa.types.is_dictionary(texts.type) else texts
        places = pc.fill_null(pc.index_in(texts, value_set=self._asked), len(self._numbers)).to_numpy()
        sizes = pc.fill_null(pc.list_value_length(held), 0).to_numpy()
        first = np.cumsum(sizes) - sizes
        found = []
        for group in range(0, len(self._numbers), GROUP):
            bit_of = np.zeros(len(self._numbers) + 1, np.uint8)
            numbers = np.arange(group, min(group + GROUP, len(self._numbers)))
            bit_of[numbers] = 1 << (numbers - group)
            bits = np.append(bit_of.take(places), np.uint8(0))
            found.append(np.bitwise_or.reduceat(bits, first) * (sizes != 0))
        return found


GROUP = 8
"""Elements whose bits go into one octet."""
