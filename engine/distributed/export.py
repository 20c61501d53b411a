"""The store as a snapshot in Parquet, a block of customers at a time.

A block is one short transaction: what belongs to a customer is of one instant, and no writer waits for long. Blocks
differ by what is written meanwhile, which changes no answer: the ledger of batches and the newest move are read first,
so that a batch decided meanwhile is found done when the results come back, and who moved meanwhile is looked at again.

The folder appears whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Select, Text, cast, select

from dsl.catalog import Catalog, Owner
from engine.distributed.errors import FolderTaken
from engine.distributed.layout import BATCHES, DECISIONS, DELAYED, EVENTS, OFFERS, READINGS, Snapshot
from engine.distributed.parquet import Folder, FolderNotWritten
from engine.offers.states import LIVE, State
from engine.passes.this_pass import newest_move
from engine.passes.work import zones
from engine.pauses import paused
from engine.store.bulk import among
from engine.store.columns import raw_columns, read_columns
from engine.store.events import event_moment
from engine.store.reindex import catalog_digest
from engine.store.session import Store
from engine.store.snapshot.pairs import INTERVAL, stored_attributes
from engine.store.tables import batches, customers, decisions, delayed, events, moves, offers, readings, subscriptions

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


class _Tables:
    """The open files of the tables that go by customer."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._attributes = {owner: [] for owner in Owner} | _by_owner(catalog)
        self.customers, self.subscriptions = Folder(folder / "customers"), Folder(folder / "subscriptions")
        self.decisions, self.readings = Folder(folder / "decisions"), Folder(folder / "readings")
        self.delayed = Folder(folder / "delayed")
        self.offers = Folder(folder / "offers")
        happens = [name for name in catalog.moments if event_moment(catalog, name)]
        self.events = {name: Folder(folder / "events" / f"moment={name}") for name in happens}

    @property
    def happened(self) -> int:
        """Events that were written."""
        return sum(each.rows for each in self.events.values())

    def __enter__(self) -> _Tables:
        """An empty store has tables too."""
        self.customers.add(_customers((), (), self._attributes[Owner.CUSTOMER]))
        self.subscriptions.add(_subscriptions((), self._attributes[Owner.SUBSCRIPTION]))
        self.decisions.add(DECISIONS.empty_table())
        self.readings.add(READINGS.empty_table())
        self.delayed.add(DELAYED.empty_table())
        self.offers.add(OFFERS.empty_table())
        for each in self.events.values():
            each.add(EVENTS.empty_table())
        return self

    def __exit__(self, *error: object) -> None:
        own = (self.customers, self.subscriptions, self.decisions, self.offers, self.readings, self.delayed)
        for each in (*own, *self.events.values()):
            each.close()

    def add(self, connection: Connection, ids: Sequence[str]) -> None:
        """Everything of some customers, which are sorted as the database sorts."""
        of_customer, of_subscription = (self._attributes[owner] for owner in (Owner.CUSTOMER, Owner.SUBSCRIPTION))
        rows = connection.execute(_people(connection, of_customer, ids)).all()
        self.customers.add(_customers(rows, _moved(connection, ids), of_customer))
        self.subscriptions.add(
            _subscriptions(connection.execute(_held(connection, of_subscription, ids)).all(), of_subscription)
        )
        for name, folder in self.events.items():
            _stream(connection, folder, EVENTS, _happened(connection, name, ids))
        _stream(connection, self.decisions, DECISIONS, _decided(connection, ids))
        _stream(connection, self.offers, OFFERS, _offered(connection, ids))
        _stream(connection, self.readings, READINGS, _read(connection, ids))
        _stream(connection, self.delayed, DELAYED, _met_after(connection, ids))


def _by_owner(catalog: Catalog) -> dict[Owner, list[Any]]:
    found: dict[Owner, list[Any]] = {}
    for one in stored_attributes(catalog):
        found.setdefault(one.owner, []).append(one)
    return found


# --- what is read of a block -----------------------------------------------------------------------------------------


def _people(connection: Connection, attributes: Sequence[Any], ids: Sequence[str]) -> Select[Any]:
    own = (customers.c.id.label("whose"), customers.c.zone.label("in_zone"), customers.c.shard.label("of_shard"))
    asked = select(*own, *raw_columns(attributes)).where(among(connection, customers.c.id, ids))
    return asked.order_by(customers.c.id)


def _customers(rows: Sequence[Any], moved: Sequence[str], attributes: Sequence[Any]) -> pa.Table:
    gone = frozenset(moved)
    columns = {
        "customer.id": pa.array([row.whose for row in rows], pa.string()),
        "zone": pa.array([row.in_zone for row in rows], pa.string()),
        "shard": pa.array([row.of_shard for row in rows], pa.int64()),
        "moved": pa.array([row.whose in gone for row in rows], pa.bool_()),
    }
    return _beside(columns, rows, attributes)


def _moved(connection: Connection, ids: Sequence[str]) -> Sequence[str]:
    """Those whose calendar changed; who is only new has nothing before."""
    mine = among(connection, moves.c.customer_id, ids)
    return connection.scalars(select(moves.c.customer_id).distinct().where(moves.c.before.is_not(None), mine)).all()


def _held(connection: Connection, attributes: Sequence[Any], ids: Sequence[str]) -> Select[Any]:
    own = (
        subscriptions.c.customer_id.label("whose"),
        subscriptions.c.id.label("which"),
        subscriptions.c.status.label("in_status"),
        INTERVAL.label("every"),
    )
    asked = select(*own, *raw_columns(attributes)).where(among(connection, subscriptions.c.customer_id, ids))
    return asked.order_by(subscriptions.c.customer_id, subscriptions.c.id)


def _subscriptions(rows: Sequence[Any], attributes: Sequence[Any]) -> pa.Table:
    names = {"customer.id": "whose", "subscription.id": "which", "status": "in_status", "interval": "every"}
    columns = {name: pa.array([getattr(row, label) for row in rows], pa.string()) for name, label in names.items()}
    return _beside(columns, rows, attributes)


def _beside(columns: dict[str, pa.Array], rows: Sequence[Any], attributes: Sequence[Any]) -> pa.Table:
    found = read_columns(rows, attributes)
    return pa.table(columns | {name: found[name] for name in found.column_names})


def _happened(connection: Connection, moment: str, ids: Sequence[str]) -> Select[Any]:
    own = (events.c.customer_id, events.c.subscription_id, events.c.source, events.c.id)
    asked = select(*own, events.c.occurred_at, events.c.recorded_at, cast(events.c.properties, Text), events.c.state)
    mine = asked.where(events.c.moment == moment, among(connection, events.c.customer_id, ids))
    return mine.order_by(events.c.customer_id, events.c.occurred_at)


def _met_after(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = (events.c.customer_id, delayed.c.source, delayed.c.event_id, events.c.occurred_at, delayed.c.offset)
    marked = delayed.join(events, (events.c.source == delayed.c.source) & (events.c.id == delayed.c.event_id))
    mine = among(connection, events.c.customer_id, ids)
    return select(*own).select_from(marked).where(mine).order_by(events.c.customer_id, events.c.occurred_at)


def _decided(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = (decisions.c["customer_id" if name == "customer.id" else name] for name in DECISIONS.names)
    mine = among(connection, decisions.c.customer_id, ids)
    return select(*own).where(mine).order_by(decisions.c.customer_id, decisions.c.due_at)


def _offered(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    """What still says anything: the offers that stand, and those that were accepted."""
    whose = {"customer.id": offers.c.customer_id, "subscription.id": offers.c.subscription_id}
    own = (whose[name] if name in whose else offers.c[name] for name in OFFERS.names)
    mine = among(connection, offers.c.customer_id, ids), offers.c.state.in_((*LIVE, State.ACCEPTED))
    return select(*own).where(*mine).order_by(offers.c.customer_id, offers.c.id)


def _read(connection: Connection, ids: Sequence[str]) -> Select[Any]:
    own = (readings.c.subscription_id, readings.c.meter, readings.c.read_at, readings.c.used)
    owned = readings.join(subscriptions, subscriptions.c.id == readings.c.subscription_id)
    mine = among(connection, subscriptions.c.customer_id, ids)
    asked = select(subscriptions.c.customer_id, *own).select_from(owned).where(mine)
    return asked.order_by(subscriptions.c.customer_id, readings.c.subscription_id, readings.c.read_at)


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
