"""The occurrences of a day among customers at hand, and the batches of the ledger that they belong to."""

from __future__ import annotations

import pyarrow as pa

from dsl.catalog import Owner
from dsl.typed import MomentUse
from engine.distributed.layout import BATCH_KEY
from engine.distributed.work import BatchKey, Work
from engine.moments.due import due_among
from engine.store.columns import read_columns
from engine.store.zones import shard_of


def due_of(work: Work, use: MomentUse, pairs: pa.Table) -> pa.Table:
    """The occurrences of a moment among `pairs`, without those whose batch was finished before.

    What rules read of events is missing: a scheduled moment has none.
    """
    reads = work.reads(use)
    stored = [one for one in reads if one.owner is not Owner.EVENT]
    table = due_among(work.ruleset.catalog, use, work.day, pairs, stored)
    for field in read_columns((), [one for one in reads if one.owner is Owner.EVENT]).schema:
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    if work.done and table.num_rows:
        fresh = [key not in work.done for key in batch_keys(use, table)]
        table = table.filter(pa.array(fresh, pa.bool_()))
    return table


def batch_keys(use: MomentUse, table: pa.Table) -> list[BatchKey]:
    """The batch of each row."""
    people = zip(table["zone"].to_pylist(), table["customer"].to_pylist(), strict=True)
    return [(use.moment, use.distance, zone, shard_of(customer)) for zone, customer in people]


def named(key: BatchKey) -> dict[str, str | int]:
    """The columns of a batch."""
    return dict(zip((name for name, _ in BATCH_KEY), key, strict=True))
