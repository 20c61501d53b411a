"""The store as a snapshot in Parquet, a block of customers at a time.

A block is one short transaction: what belongs to a customer is of one instant, and no writer waits for long. Blocks
differ by what is written meanwhile, which changes no answer: the ledger of batches and the newest move are read first,
so that a batch decided meanwhile is found done when the results come back, and who moved meanwhile is looked at again.

The folder appears whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Select, select

from dsl.catalog import Catalog, Owner
from dsl.typed import Attribute
from engine.distributed.block import (
    assigned_to,
    customer_columns,
    decided_about,
    happened_to,
    held_by,
    met_after,
    moved_ever,
    offered_to,
    people_of,
    read_by,
    subscription_columns,
    suppressed,
)
from engine.distributed.errors import FolderTaken
from engine.distributed.gates import moment_dates, with_day_parts
from engine.distributed.layout import (
    ASSIGNMENTS,
    BATCHES,
    DECISIONS,
    DELAYED,
    EVENTS,
    OFFER_COUNTS,
    OFFERS,
    READINGS,
    SUPPRESSIONS,
    Snapshot,
)
from engine.distributed.parquet import Folder, FolderNotWritten
from engine.passes.this_pass import newest_move
from engine.passes.work import zones
from engine.pauses import paused
from engine.store.events import event_moment
from engine.store.reindex import catalog_digest
from engine.store.session import Store
from engine.store.snapshot.pairs import stored_attributes
from engine.store.tables import batches, customers, offer_counts

BLOCK = 20_000
"""Customers of a block."""

AT_ONCE = 50_000
"""Rows that are fetched and turned into columns in one go."""

Progress = Callable[[int], None]
"""customers written so far"""


def export(
    store: Store, catalog: Catalog, out: Path, now: dt.datetime, progress: Progress = lambda rows: None
) -> Snapshot:
    """Write the snapshot of a store whose dates are those of this catalog. Raises FolderTaken, FolderNotWritten."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderTaken(str(out))
    part = out.absolute().with_name(f".{out.absolute().name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        manifest = _write(store, catalog, part, now, progress)
        if out.is_dir():
            out.rmdir()
        part.rename(out)
    except OSError as error:
        raise FolderNotWritten(out, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _write(store: Store, catalog: Catalog, folder: Path, now: dt.datetime, progress: Progress) -> Snapshot:
    with store.read() as connection:
        seen, places, stopped = newest_move(connection), zones(connection), sorted(paused(connection))
        with Folder(folder / "batches") as done:
            _stream(connection, done, BATCHES, select(*(batches.c[name] for name in BATCHES.names)))
        with Folder(folder / "offer_counts") as counted:
            asked = select(*(offer_counts.c[name] for name in OFFER_COUNTS.names)).order_by(*offer_counts.primary_key)
            _stream(connection, counted, OFFER_COUNTS, asked)
    with _Tables(folder, catalog) as tables:
        last = ""
        while True:
            with store.read() as connection:
                ids = connection.scalars(
                    select(customers.c.id).where(customers.c.id > last).order_by(customers.c.id).limit(BLOCK)
                ).all()
                if not ids:
                    break
                tables.add(connection, ids)
            last = ids[-1]
            progress(tables.customers.rows)
    counts = (tables.customers.rows, tables.subscriptions.rows, tables.happened)
    manifest = Snapshot(catalog_digest(catalog), now, seen, tuple(places), tuple(stopped), *counts)
    with Folder(folder / "manifest") as said:
        said.add(manifest.table())
    return manifest


_BY_CUSTOMER: tuple[tuple[str, pa.Schema, Callable[[Connection, Sequence[str]], Select[Any]]], ...] = (
    ("decisions", DECISIONS, decided_about),
    ("offers", OFFERS, offered_to),
    ("assignments", ASSIGNMENTS, assigned_to),
    ("suppressions", SUPPRESSIONS, suppressed),
    ("readings", READINGS, read_by),
    ("delayed", DELAYED, met_after),
)


class _Tables:
    """The open files of the tables that go by customer."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._attributes: dict[Owner, list[Attribute]] = defaultdict(list)
        for one in stored_attributes(catalog):
            self._attributes[one.owner].append(one)
        self._dates = {owner: moment_dates(catalog, owner) for owner in (Owner.CUSTOMER, Owner.SUBSCRIPTION)}
        first = {owner: f"{dates[0]}.day" if dates else None for owner, dates in self._dates.items()}
        self.customers = Folder(folder / "customers", first[Owner.CUSTOMER])
        self.subscriptions = Folder(folder / "subscriptions", first[Owner.SUBSCRIPTION])
        self._others = [(Folder(folder / name), schema, asked) for name, schema, asked in _BY_CUSTOMER]
        happens = [name for name in catalog.moments if event_moment(catalog, name)]
        self._events = {name: Folder(folder / "events" / f"moment={name}") for name in happens}

    @property
    def happened(self) -> int:
        """Events that were written."""
        return sum(each.rows for each in self._events.values())

    def __enter__(self) -> _Tables:
        """An empty store has tables too."""
        self._add_people((), (), ())
        for folder, schema, _ in self._others:
            folder.add(schema.empty_table())
        for folder in self._events.values():
            folder.add(EVENTS.empty_table())
        return self

    def __exit__(self, kind: type[BaseException] | None, *more: object) -> None:
        for each in (self.customers, self.subscriptions, *(one for one, _, _ in self._others), *self._events.values()):
            each.close()

    def add(self, connection: Connection, ids: Sequence[str]) -> None:
        """Everything of some customers, which are sorted as the database sorts."""
        people = connection.execute(people_of(connection, self._attributes[Owner.CUSTOMER], ids)).all()
        held = connection.execute(held_by(connection, self._attributes[Owner.SUBSCRIPTION], ids)).all()
        self._add_people(people, moved_ever(connection, ids), held)
        for folder, schema, asked in self._others:
            _stream(connection, folder, schema, asked(connection, ids))
        for name, folder in self._events.items():
            _stream(connection, folder, EVENTS, happened_to(connection, name, ids))

    def _add_people(self, people: Sequence[Any], moved: Sequence[str], held: Sequence[Any]) -> None:
        customers = customer_columns(people, moved, self._attributes[Owner.CUSTOMER])
        subscriptions = subscription_columns(held, self._attributes[Owner.SUBSCRIPTION])
        self.customers.add(with_day_parts(customers, self._dates[Owner.CUSTOMER]))
        self.subscriptions.add(with_day_parts(subscriptions, self._dates[Owner.SUBSCRIPTION]))


def _stream(connection: Connection, folder: Folder, schema: pa.Schema, asked: Select[Any]) -> None:
    """The rows of a query, in the order of the schema's columns, however many."""
    for rows in _pieces(connection, asked):
        columns = zip(*rows, strict=True) if rows else [()] * len(schema)
        folder.add(pa.table([pa.array(values, one.type) for values, one in zip(columns, schema, strict=True)], schema))


def _pieces(connection: Connection, asked: Select[Any]) -> Iterator[Sequence[Any]]:
    found = False
    for rows in connection.execute(asked.execution_options(yield_per=AT_ONCE)).partitions():
        found = True
        yield rows
    if not found:
        yield ()
