"""The inserts of events that are decided as they come, in the transaction that found them new.

A group has a few rows a table, so what a statement costs before it begins is most of it. Statements are compiled once a
database and run by the driver's own cursor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.decisions import common_counters
from engine.decisions.effects import put_effects
from engine.decisions.ledger import COUNTS, put_tags
from engine.offers.making import count
from engine.online.offered import OFFERS, shown
from engine.online.results import COUNTERS, DECISIONS, DELIVERIES, RECEIPTS, Rows
from engine.store.bulk import Stored, insert_rows
from engine.store.tables import counters, decisions, deliveries, offers, receipts


def write(connection: sa.Connection, catalog: Catalog, rows: Rows, now: dt.datetime) -> None:
    """Insert all of it. The unique keys refuse what would repeat, and with it the whole transaction."""
    insert_few(connection, decisions, DECISIONS, rows.decisions)
    insert_few(connection, receipts, RECEIPTS, rows.receipts)
    insert_few(connection, deliveries, DELIVERIES, rows.deliveries)
    put_effects(connection, rows.effects, now)
    if rows.offers:
        insert_few(connection, offers, OFFERS, rows.offers)
        count(connection, shown(rows.offers))
    if rows.listeners:
        common_counters.remember(connection, rows.listeners)
        _run(connection, _count(connection.dialect.name), rows.counters())
    put_tags(connection, catalog, rows.tags, now)


def insert_few(
    connection: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[Sequence[Stored]]
) -> None:
    """Insert rows in stored form; a duplicate key raises as an INSERT does."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _run(connection, _insert(table, names), rows)
    else:
        insert_rows(connection, table, names, rows)


def _run(connection: sa.Connection, statement: str, rows: Sequence[Sequence[Stored]]) -> None:
    cursor = connection.connection.cursor()
    cursor.executemany(statement, rows)
    cursor.close()


@cache
def _insert(table: sa.Table, names: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.name} ({quoted}) VALUES ({', '.join('?' * len(names))})"


@cache
def _count(dialect: str) -> str:
    """Adds a row of counters to what is there."""
    mark = "%s" if dialect == "postgresql" else "?"
    quoted = ", ".join(f'"{name}"' for name in COUNTERS)
    key = ", ".join(f'"{column.name}"' for column in counters.primary_key)
    added = ", ".join(f"{name} = {counters.name}.{name} + excluded.{name}" for name in COUNTS)
    values = ", ".join([mark] * len(COUNTERS))
    return f"INSERT INTO {counters.name} ({quoted}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {added}"
