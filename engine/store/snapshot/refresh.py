"""Snapshots are made, and renewed from the rows that were written since.

1. The journal begins, where there is none yet.
2. For each shard the anchor is read first, then the rows, block by block, each block in a short transaction of its own:
   what is written meanwhile comes after the anchor, so readers take it from the database.
3. A shard whose file is good is renewed: its rows without the customers written since, and those read again.
4. What nobody needs any more goes from the journal.

Two processes at it at once do the same twice; either file is good. A shard is renewed where that saves more than it
costs: readers ask the database for what changed at a tenth of a millisecond a customer and moment, renewing copies all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from dsl.catalog import Catalog
from engine.store.reindex import catalog_digest, is_indexed
from engine.store.session import Store
from engine.store.snapshot import journal
from engine.store.snapshot.current import Current, current
from engine.store.snapshot.journal import Anchor
from engine.store.snapshot.pairs import KEYS, read_pairs, stored_attributes
from engine.store.snapshot.shard_file import ColumnsNotWritten, remove_file, remove_parts, write_file
from engine.store.tables import SHARDS, customers, subscriptions

log = logging.getLogger(__name__)

LARGE = 100_000
"""Subscriptions from which passes keep snapshots: below, a day of a moment costs the database less than a second."""

WORTH = 200
"""A pass renews a shard where one row in so many was written since; a person renews all."""

BLOCK = 20_000

Progress = Callable[[int], None]
"""rows read so far"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Shards made from nothing, renewed, and left as they were; the rows of all of them, and those read again."""

    made: int = 0
    renewed: int = 0
    kept: int = 0
    rows: int = 0
    read: int = 0

    def __add__(self, other: Refreshed) -> Refreshed:
        return Refreshed(
            self.made + other.made,
            self.renewed + other.renewed,
            self.kept + other.kept,
            self.rows + other.rows,
            self.read + other.read,
        )


def keep_fresh(store: Store, catalog: Catalog) -> Refreshed:
    """What a pass does at its start: renews the snapshots of a store that has some, or is large enough to want them."""
    if store.columns is None:
        return Refreshed()
    with store.read() as connection:
        large = select(subscriptions.c.id).offset(LARGE).limit(1)
        if not journal.is_kept(connection) and connection.scalar(large) is None:
            return Refreshed()
    try:
        return refresh(store, catalog, worth=WORTH)
    except ColumnsNotWritten as error:
        log.warning("%s Due sets are read from the database, which takes longer.", error)
        return Refreshed()


def refresh(
    store: Store, catalog: Catalog, *, worth: int | None = None, progress: Progress = lambda rows: None
) -> Refreshed:
    """Makes or renews the snapshots of every shard; with `worth`, only where one row in so many was written since.

    The store is indexed with this catalog and has a folder for columns.
    """
    _begin(store)
    done = Refreshed()
    for shard in range(SHARDS):
        done += _Shard(store, catalog, shard, partial(_add, progress, done.read)).refresh(worth)
    return done


def _add(progress: Progress, before: int, rows: int) -> None:
    progress(before + rows)


def drop(store: Store) -> None:
    """Takes every snapshot of the store away and ends its journal."""
    with store.write() as connection:
        journal.end(connection)
    if store.columns is None:
        return
    for shard in range(SHARDS):
        remove_file(store.columns, shard)


def _begin(store: Store) -> None:
    with store.read() as connection:
        if journal.is_kept(connection):
            return
    with store.write() as connection:
        journal.begin(connection)


class _Shard:
    """One shard on its way to a new file."""

    def __init__(self, store: Store, catalog: Catalog, shard: int, progress: Progress) -> None:
        assert store.columns is not None
        self.store, self.catalog, self.shard, self.progress = store, catalog, shard, progress
        self.folder: Path = store.columns

    def refresh(self, worth: int | None) -> Refreshed:
        with self.store.read() as connection:
            anchor = journal.newest(connection, self.shard)
            now = current(connection, self.catalog, self.shard)
            if anchor is None or not is_indexed(connection, self.catalog):
                return Refreshed()
            ids = [] if now else self._customers(connection)
        if now and not _is_worth(now, worth):
            return Refreshed(kept=1, rows=now.file.rows)
        read = self._read(now.changed if now else ids)
        table = merged(_unchanged(now), read) if now else read
        self._put(table, anchor)
        return Refreshed(int(now is None), int(now is not None), 0, table.num_rows, read.num_rows)

    def _customers(self, connection: Connection) -> Sequence[str]:
        """The ids of the shard's customers, as bytes compare."""
        return sorted(connection.scalars(select(customers.c.id).where(customers.c.shard == self.shard)).all())

    def _read(self, ids: Sequence[str]) -> pa.Table:
        attributes, blocks, rows = stored_attributes(self.catalog), [], 0
        for start in range(0, max(len(ids), 1), BLOCK):
            with self.store.read() as connection:
                blocks.append(read_pairs(connection, attributes, ids[start : start + BLOCK]))
            rows += blocks[-1].num_rows
            self.progress(rows)
        return pa.concat_tables(blocks)

    def _put(self, table: pa.Table, anchor: Anchor) -> None:
        """Writes the file, unless its anchor went meanwhile: then somebody in it may have been forgotten."""
        try:
            remove_parts(self.folder, self.shard)
            write_file(self.folder, table, catalog_digest(self.catalog), self.shard, anchor)
        except OSError as error:
            raise ColumnsNotWritten(self.folder, error) from error
        with self.store.write() as connection:
            if not journal.holds(connection, anchor):
                remove_file(self.folder, self.shard)
            journal.prune(connection, self.shard, anchor)


def _is_worth(now: Current, worth: int | None) -> bool:
    """Whether enough was written since."""
    return bool(now.changed) and (worth is None or len(now.changed) * worth >= now.file.rows)


def _unchanged(now: Current) -> pa.Table:
    """The file's rows that are still true."""
    table = now.file.table()
    return table.filter(pc.invert(pc.is_in(table[KEYS[0]], pa.array(now.changed, pa.string()))))


def merged(old: pa.Table, new: pa.Table) -> pa.Table:
    """Two sorted tables of different customers as one: the few new rows find their places, nothing is sorted."""
    mine, theirs = (table[KEYS[0]].to_numpy() for table in (old, new))
    places = np.searchsorted(mine, theirs)
    order = np.insert(np.arange(len(mine)), places, np.arange(len(mine), len(mine) + len(theirs)))
    whole = pa.concat_tables([old.replace_schema_metadata(), new.cast(old.schema).replace_schema_metadata()])
    return whole.unify_dictionaries().take(pa.array(order))
