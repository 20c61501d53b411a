"""Columns in PostgreSQL's binary COPY format, without a Python object a value.

A row is its number of fields (2 bytes), then each field behind its length (4 bytes, -1 for NULL), all big-endian. So a
column becomes a column of byte strings, and the rows are these joined side by side: their bytes, one after the other,
are what COPY reads. The format: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".

100,000 decisions of 19 columns, seconds of processor time of client and server: 0.1 + 1.1; row by row through the
driver, binary 1.2 + 1.1, as text 1.5 + 1.4; as CSV written by Arrow 0.3 + 1.3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.store.tables import Instant

ROWS_AT_ONCE = 20_000

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
_END = b"\xff\xff"

_EPOCH = dt.date(2000, 1, 1) - dt.date(1970, 1, 1)
"""PostgreSQL counts days and microseconds from 2000 on."""


def copy_columns(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Insert the rows of a table of columns: JSON as text, instants in UTC. A duplicate key raises as INSERT does."""
    quoted = ", ".join(f'"{name}"' for name in rows.column_names)
    with connection.connection.cursor().copy(f"COPY {table.name} ({quoted}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_SIGNATURE)
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            copy.write(_bytes(table, rows.slice(start, ROWS_AT_ONCE).combine_chunks()))
        copy.write(_END)


def _bytes(table: sa.Table, rows: pa.Table) -> memoryview:
    count = pa.repeat(pa.scalar(len(rows.column_names).to_bytes(2, "big")), rows.num_rows)
    fields = (part for name in rows.column_names for part in _field(table.c[name], rows[name].combine_chunks()))
    joined = pc.binary_join_element_wise(count, *fields, b"")
    return memoryview(joined.buffers()[2])


def _field(column: sa.Column[Any], values: pa.Array) -> Iterator[pa.Array]:
    """The lengths of a column's fields, and their bytes."""
    payload = _payload(column, values)
    length = pc.fill_null(pc.binary_length(payload), -1).to_numpy().astype(">i4")
    yield _fixed(length)
    yield pc.fill_null(payload, b"")


def _payload(column: sa.Column[Any], values: pa.Array) -> pa.Array:
    match column.type:
        case Instant():
            micros = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            return _numbers(pc.subtract(micros, _EPOCH // dt.timedelta(microseconds=1)), ">i8")
        case sa.Date():
            return _numbers(pc.subtract(values.cast(pa.int32()), _EPOCH.days), ">i4")
        case sa.SmallInteger():
            return _numbers(values, ">i2")
        case sa.BigInteger():
            return _numbers(values, ">i8")
        case sa.Integer():
            return _numbers(values, ">i4")
        case sa.JSON():
            texts = values.cast(pa.binary())
            return pc.binary_join_element_wise(b"\x01", texts, b"")  # the version of jsonb's text form
        case sa.String():
            return values.cast(pa.binary())
    raise TypeError(f"{column} has no binary form here")


def _numbers(values: pa.Array, kind: str) -> pa.Array:
    """Whole numbers, big-endian, of a size."""
    fixed = _fixed(pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(kind))
    return pc.if_else(values.is_valid(), fixed, None)


def _fixed(numbers: npt.NDArray[Any]) -> pa.Array:
    size = numbers.dtype.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(size), len(numbers), [None, pa.py_buffer(numbers.tobytes())]
    ).cast(pa.binary())
