"""The rows of budgets and of what is drawn on them, by their key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.store.tables import budgets, draws

KEY = tuple(budgets.primary_key.columns)

Key = tuple[str, str, str, str, dt.date]
"""rule, kind, period, currency, first day"""


def key_of(row: Mapping[Any, Any]) -> Key:
    """Of a row of either table."""
    return row["rule"], row["kind"], row["period"], row["currency"], row["starts_on"]


def row_of(key: Key) -> sa.ColumnElement[bool]:
    """The budget."""
    return sa.and_(*(column == value for column, value in zip(KEY, key, strict=True)))


def of(key: Key) -> sa.ColumnElement[bool]:
    """The draws on a limit."""
    return sa.and_(*(draws.c[column.name] == value for column, value in zip(KEY, key, strict=True)))


def locked(connection: sa.Connection, keys: Iterable[Any]) -> dict[Any, int]:
    """Locks rows in the order of their keys; how much of each is used."""
    used = {}
    for key in sorted(keys):
        query = sa.select(budgets.c.reserved + budgets.c.confirmed).where(row_of(key)).with_for_update()
        used[key] = int(connection.execute(query).scalar_one())
    return used
