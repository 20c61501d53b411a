"""Everybody, block by block: every pair of a shard, from its columns where they can be trusted, else the database.

Only what is asked for is read, and memory holds one block, whatever the size of the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from dsl.catalog import Catalog
from dsl.typed import Attribute
from engine.store.columns import keys_of
from engine.store.snapshot.current import Current, current
from engine.store.snapshot.pairs import KEYS, OWN, read_pairs
from engine.store.tables import customers

BLOCK = 20_000
"""Customers that are read from the database at once."""


def everybody(
    connection: Connection, catalog: Catalog, attributes: Sequence[Attribute], shard: int
) -> Iterator[pa.Table]:
    """The shard's pairs with these stored attributes (`pairs` says which columns), in no order to rely on."""
    snapshot = current(connection, catalog, shard)
    names = list(dict.fromkeys((*KEYS, *OWN, *(key for one in attributes for key in keys_of(one)))))
    if snapshot is None or not set(names) <= set(snapshot.file.names):
        ids = connection.scalars(select(customers.c.id).where(customers.c.shard == shard)).all()
    else:
        yield from _unchanged(snapshot, names)
        ids = snapshot.changed
    for start in range(0, len(ids), BLOCK):
        yield read_pairs(connection, attributes, ids[start : start + BLOCK])


def _unchanged(snapshot: Current, names: Sequence[str]) -> Iterator[pa.Table]:
    changed = pa.array(snapshot.changed, pa.string())
    for batch in snapshot.file.batches():
        table = pa.Table.from_batches([batch.select(names)])
        yield table.filter(pc.invert(pc.is_in(table[KEYS[0]], changed))) if len(changed) else table
