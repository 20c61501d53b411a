"""The inserts of events that are decided as they come, in the transaction that found them new."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.decisions import common_counters
from engine.decisions.ledger import count, put_tags
from engine.online.results import DECISIONS, DELIVERIES, RECEIPTS, Rows
from engine.store.bulk import insert_rows
from engine.store.tables import decisions, deliveries, receipts


def write(connection: sa.Connection, catalog: Catalog, rows: Rows, now: dt.datetime) -> None:
    """Insert all of it. The unique keys refuse what would repeat, and with it the whole transaction."""
    for table, names, some in (
        (decisions, DECISIONS, rows.decisions),
        (receipts, RECEIPTS, rows.receipts),
        (deliveries, DELIVERIES, rows.deliveries),
    ):
        if some:
            insert_rows(connection, table, names, some)
    if rows.listeners:
        common_counters.remember(connection, rows.listeners)
        count(connection, rows.counters())
    put_tags(connection, catalog, rows.tags, now)
