"""What of a shard's file is true in a transaction: all of it but the customers written since, or nothing.

A file counts if it was made with this catalog and its anchor is in the journal that the transaction sees. Everything
else (no file, a damaged one, another store's, a database restored from before the file, a reindex) means that the
database is asked alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from dsl.catalog import Catalog
from engine.store.reindex import catalog_digest
from engine.store.snapshot.journal import since
from engine.store.snapshot.shard_file import ShardFile, folder_of, open_file

FEW = 1_000
SHARE = 10
"""A file is worth reading while no more than `FEW` writes, or one for every `SHARE` rows of it, came after it."""


@dataclass(frozen=True, slots=True)
class Current:
    """A file whose rows are true, except those of the customers in `changed` (sorted ids)."""

    file: ShardFile
    changed: Sequence[str]


def current(connection: Connection, catalog: Catalog, shard: int) -> Current | None:
    """The snapshot of a shard as this transaction may use it; None where it may not."""
    folder = folder_of(connection)
    file = None if folder is None else open_file(folder, shard)
    if file is None or file.catalog != catalog_digest(catalog):
        return None
    changed = since(connection, shard, file.anchor, max(FEW, file.rows // SHARE))
    return None if changed is None else Current(file, changed)
