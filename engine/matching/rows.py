"""Rows as the forms for one row read them: a batch's attributes, and what it was told of the past."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from dsl.typed import Attribute, Historic
from engine.matching.keys import key_of
from engine.store.rows import Row, rows_of


def full_rows(table: pa.Table, attributes: Sequence[Attribute], terms: Sequence[Historic]) -> list[Row]:
    """One mapping a row of the table: the attributes that are present, and every term, None where it is missing."""
    rows = rows_of(table, attributes)
    for key in map(key_of, terms):
        for row, value in zip(rows, table[key].to_pylist(), strict=True):
            row[key] = value
    return rows
