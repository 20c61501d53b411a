"""Which rows of a table have the same values, as numbers: what is worked out once is put beside all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.decisions.rule_table import Ints


class Codes:
    """Numbers for the distinct values of a table's columns, or of several of them together."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._kept: dict[tuple[str, ...], Ints] = {}

    def of(self, columns: Sequence[str]) -> Ints:
        """A number for each row: the same where all of the columns have the same values."""
        key = tuple(columns)
        if key not in self._kept:
            self._kept[key] = self._together(key) if len(key) != 1 else self._coded(key[0])
        return self._kept[key]

    def _together(self, columns: tuple[str, ...]) -> Ints:
        codes = np.zeros(self._table.num_rows, np.int64)
        for name in columns:
            one = self.of((name,))
            codes = np.unique(codes * (int(one.max(initial=0)) + 1) + one, return_inverse=True)[1]
        return codes

    def _coded(self, name: str) -> Ints:
        column = self._table[name].combine_chunks()
        if pa.types.is_list(column.type):
            column = _as_texts(column.cast(pa.list_(pa.string())))
        indices = column.indices if pa.types.is_dictionary(column.type) else column.dictionary_encode().indices
        return np.asarray(pc.fill_null(indices, -1), dtype=np.int64) + 1


def _as_texts(lists: pa.ListArray) -> pa.Array:
    """A text for each list, another for another list: each element goes behind its length."""
    elements = lists.flatten()
    named = pc.binary_join_element_wise(pc.binary_length(elements).cast(pa.string()), elements, ":")
    ends = np.cumsum(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(), dtype=np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(np.concatenate(([0], ends)).astype(np.int32), named), "")
    return pc.if_else(lists.is_valid(), joined, None)
