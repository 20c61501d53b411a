"""What was said before of a batch of columns: its matches asked about, with the flags and segments of its rows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.contacts.policy import flags
from engine.decisions.asked import asked_of
from engine.decisions.learned import Segments
from engine.decisions.occasions import Batch
from engine.decisions.precedents import NO_PRECEDENTS, Precedents, precedents


def batch_precedents(connection: sa.Connection, batch: Batch, now: dt.datetime, *, binding: bool) -> Precedents:
    """See `precedents`."""
    if not len(batch.row):
        return NO_PRECEDENTS
    catalog = batch.rules.catalog
    asked = asked_of(batch.table, batch.rules, batch.row, batch.rule)
    told = {name: batch.table[f"customer.{name}"] for name in flags(catalog.policies)}
    return precedents(connection, asked, told, _segments(batch.table, catalog), now, binding=binding)


def segment_names(table: pa.Table, catalog: Catalog) -> pa.Array:
    """The segment that each row's outcomes are counted in; empty where all count together or the value is missing."""
    policy = catalog.policies.propensity
    if policy is None or policy.by is None:
        return pa.repeat(pa.scalar(""), table.num_rows)
    return pc.fill_null(table[policy.by].cast(pa.string()).combine_chunks(), "")


def _segments(table: pa.Table, catalog: Catalog) -> Segments:
    policy = catalog.policies.propensity
    if policy is None:
        return Segments((), np.empty(0), ())
    own = np.full(table.num_rows, np.nan)
    if policy.column is not None:
        own = np.asarray(pc.fill_null(table[policy.column].cast(pa.float64()), np.nan), np.float64)
    instants = table["due_at"].cast(pa.int64()).cast(pa.string())
    return Segments(segment_names(table, catalog).to_pylist(), own, instants.to_pylist())
