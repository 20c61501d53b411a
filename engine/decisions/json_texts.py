"""Columns of JSON text, as `store.documents.dump` would write them one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from engine.store.documents import Json, dump

_ESCAPED = r'["\\\x00-\x1f]'
"""What JSON text has another way of writing."""


def json_texts(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A text or null each as JSON text."""
    plain = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pc.any(pc.match_substring_regex(plain, _ESCAPED)).as_py():
        return dumped(plain.to_pylist())
    return pc.fill_null(pc.binary_join_element_wise('"', plain, '"', ""), "null")


def dumped(values: Sequence[Json]) -> pa.Array:
    """Each value as JSON text."""
    return pa.array([dump(value) for value in values], pa.string())


def joined(*parts: pa.Array | str) -> pa.Array:
    """The parts of each text one after the other."""
    return pc.binary_join_element_wise(*parts, "")
