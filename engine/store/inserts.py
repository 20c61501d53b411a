"""Inserts that both databases share: many rows by `bulk`'s fast way, and the dialect's own INSERT ... ON CONFLICT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.binary_copy import copy_columns
from engine.store.bulk import Stored, insert_rows, instant_text
from engine.store.documents import dump
from engine.store.tables import Instant


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_values(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of Python values (all with the same keys) as `bulk.insert_rows` takes them."""
    if not rows:
        return
    names = list(rows[0])
    stored = {name: _stored(table.c[name]) for name in names}
    insert_rows(connection, table, names, [tuple(change(row[name]) for name, change in stored.items()) for row in rows])


def insert_columns(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Insert the rows of a table of columns: JSON as text already, instants in UTC."""
    if rows.num_rows and connection.dialect.name == "postgresql":
        copy_columns(connection, table, rows)
    elif rows.num_rows:
        columns = [_values(table.c[name], rows[name]) for name in rows.column_names]
        insert_rows(connection, table, rows.column_names, zip(*columns, strict=True))


def columns_of(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows (all with the same keys; JSON as text) as `insert_columns` takes them."""
    names = [column.name for column in table.c if not rows or column.name in rows[0]]
    return pa.table({name: pa.array([row[name] for row in rows], _arrow(table.c[name])) for name in names})


def _arrow(column: sa.Column[Any]) -> pa.DataType:
    match column.type:
        case Instant():
            return pa.timestamp("us", "UTC")
        case sa.Date():
            return pa.date32()
        case sa.Integer():
            return pa.int64()
        case _:
            return pa.string()


def _values(column: sa.Column[Any], values: pa.ChunkedArray) -> list[Stored]:
    """A column's values as the driver takes them; days and instants are written out once each."""
    if pa.types.is_temporal(values.type):
        change, distinct = _stored(column), values.combine_chunks().dictionary_encode()
        values = pa.array([change(each) for each in distinct.dictionary.to_pylist()], pa.string()).take(
            distinct.indices
        )
    found: list[Stored] = values.to_pylist()
    return found


def _stored(column: sa.Column[Any]) -> Callable[[Any], Stored]:
    match column.type:
        case Instant():
            change: Callable[[Any], Stored] = instant_text
        case sa.JSON():
            change = dump
        case sa.Date():
            change = _iso
        case _:
            return _same
    return lambda value: None if value is None else change(value)


def _iso(day: Any) -> str:
    return str(day.isoformat())


def _same(value: Any) -> Stored:
    found: Stored = value
    return found
