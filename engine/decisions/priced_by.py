"""A merged batch with what prices ask beside its columns (`pricing.price_facts`), found for the rows that matched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.decisions.occasions import Batch
from engine.decisions.rule_table import Ints
from engine.pricing.price_facts import PriceFacts


def with_price_facts(connection: sa.Connection, batch: Batch, facts: PriceFacts) -> Batch:
    """The batch with one more column each of `facts.names`; null for rows that no rule matched."""
    if not facts.names:
        return batch
    rows = np.unique(batch.row)
    places = np.full(batch.table.num_rows, -1, np.int64)
    places[rows] = np.arange(len(rows))
    table, taken = batch.table, pa.array(places, mask=places < 0)
    found = list(_by_part(connection, batch, facts, rows))
    for name in facts.names:
        column = pa.concat_arrays([columns[name] for columns in found]) if found else pa.nulls(0)
        table = table.append_column(name, column.take(taken))
    return replace(batch, table=table)


def _by_part(connection: sa.Connection, batch: Batch, facts: PriceFacts, rows: Ints) -> Iterator[dict[str, pa.Array]]:
    """The columns of each part's rows, in the order of `rows` (ascending)."""
    of_part = batch.part_of(rows)
    for number, (part, start) in enumerate(zip(batch.parts, batch.starts, strict=True)):
        mine = rows[of_part == number] - start
        if len(mine):
            yield facts.columns(connection, part.table.take(pa.array(mine)), part.day)
