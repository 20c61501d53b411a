"""Inserts that both databases share: many rows by `bulk`'s fast way, and the dialect's own INSERT ... ON CONFLICT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

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
