"""Many rows at once, on both databases: the few statements that SQLAlchemy's own forms would make slow.

Rows are in stored form: JSON as text, instants as `instant_text`, dates as ISO text. SQLite takes the driver's
`executemany`, PostgreSQL `COPY` (the measured ways; long VALUES lists are twenty times slower).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

MANY = 10_000
LARGE_CACHE_KIB = 512 * 1024

Stored = str | int | float | None
"""A value as the driver takes it."""


def instant_text(instant: dt.datetime) -> str:
    """An aware instant as both databases store or read it: UTC, microseconds, no zone (sessions are in UTC)."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def among(connection: Connection, column: Column[Any], ids: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of `ids`, however many: they travel as one parameter, and the column's index is used."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(ids), type_=ARRAY(Text)))
    listed = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(listed.c.value))


def take_turns(connection: Connection, table: Table, keys: Sequence[str] | None = None) -> None:
    """Makes this transaction the only one that puts rows into a table, so that what it compares with stays true.

    With `keys` (a few) it is the only one for these keys, and waits for those that took the whole table. Readers never
    wait. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name != "postgresql":
        return
    mode = "SHARE ROW EXCLUSIVE" if keys is None else "ROW EXCLUSIVE"
    connection.exec_driver_sql(f"LOCK TABLE {table.name} IN {mode} MODE")
    for key in sorted(set(keys or ())):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def widen_cache(connection: Connection, rows: int) -> None:
    """Lets SQLite keep in memory what many rows touch: pages that do not fit are written and journalled over again."""
    if connection.dialect.name == "sqlite" and rows > MANY:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{LARGE_CACHE_KIB}")


def insert_rows(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Stored]]) -> None:
    """Inserts rows of the named columns; a duplicate key raises as an INSERT does."""
    quoted = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({quoted}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    if listed := list(rows):
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({quoted}) VALUES ({marks})", listed)


def run_many(connection: Connection, statement: str, rows: Iterable[Sequence[Stored]]) -> None:
    """Runs an UPDATE or DELETE once a row. `statement` marks parameters with `?`."""
    if not (listed := list(rows)):
        return
    if connection.dialect.name == "postgresql":
        statement = statement.replace("?", "%s")
    connection.exec_driver_sql(statement, listed)
