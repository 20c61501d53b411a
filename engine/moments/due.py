"""Due sets: who has an occurrence of a scheduled moment on a local day (design decision 10).

An offset shifts the constant: `7 days before renewal` on the 1st is a renewal on the 8th, and keeps that renewal's
name. Only the columns that rules read are decoded. Where the store keeps columnar snapshots (`engine.store.snapshot`),
a shard is read from its file, and from the database only the customers written since; where it does not, or the file
is not to be trusted, from the database (`due_rows`). Both give the same rows, columns and order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from dsl.catalog import Catalog, Owner
from dsl.typed import Attribute, MomentUse
from engine.moments.calendar import due_instant
from engine.moments.due_columns import can_answer, due_columns, due_pairs, due_written
from engine.moments.due_rows import due_rows
from engine.moments.gate import Gate, Question, gate_of
from engine.moments.occurring import WITHOUT_INTERVAL
from engine.moments.subjects import SCHEMA, beside
from engine.store.snapshot.current import Current, current
from engine.store.tables import SHARDS


@dataclass(frozen=True, slots=True)
class GateCounts:
    """Subjects with an occurrence on the day: `before` the moment's `while:` and `after` it.

    `without_interval` are subscriptions that would have one if they were billed by the month, but whose billing
    interval is not known; they have no anniversary.
    """

    before: int
    after: int
    without_interval: int


def due_batch(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    day: dt.date,
    zones: Collection[str] | None,
    shard: int | None,
    attributes: Sequence[Attribute],
    *,
    only: Sequence[str] | None = None,
) -> pa.Table:
    """The occurrences on local date `day` as a batch, by customer, then subscription (as bytes compare).

    `zones`, `shard` and `only` (ids) narrow the customers (None: all). Columns: `subjects.SCHEMA`, then attributes'.
    """
    gate = gate_of(catalog, use, day)
    asked = Question(gate, None if zones is None else frozenset(zones), tuple(attributes))
    found = _found(connection, catalog, asked, shard) if only is None else due_written(connection, asked, only)
    return _batch(catalog, gate, use, day, found)


def due_among(
    catalog: Catalog, use: MomentUse, day: dt.date, pairs: pa.Table, attributes: Sequence[Attribute]
) -> pa.Table:
    """The same of pairs at hand (`store.snapshot.pairs`, with these attributes and the date of the moment)."""
    gate = gate_of(catalog, use, day)
    return _batch(catalog, gate, use, day, due_pairs(pairs, Question(gate, None, tuple(attributes))))


def gate_counts(
    connection: Connection,
    catalog: Catalog,
    use: MomentUse,
    day: dt.date,
    zones: Collection[str] | None = None,
    shard: int | None = None,
) -> GateCounts:
    """How many subjects have an occurrence on local date `day`, before and after the moment's `while:`."""
    gate = gate_of(catalog, use, day)
    asked = Question(gate, None if zones is None else frozenset(zones), counting=True)
    found = _found(connection, catalog, asked, shard)
    unknown = pc.equal(found["number"], WITHOUT_INTERVAL)
    subject = found["which" if gate.owner is Owner.SUBSCRIPTION else "whose"]
    before = pc.invert(unknown)
    gates = (before, pc.and_(before, found["concerned"]), unknown)
    return GateCounts(*(pc.count_distinct(subject.filter(each)).as_py() for each in gates))


# --- where it is read ------------------------------------------------------------------------------------------------

_OWN = 5
"""Columns of what is found, before the attributes': whose, which, zone, number, concerned."""


def _found(connection: Connection, catalog: Catalog, asked: Question, shard: int | None) -> pa.Table:
    shards = range(SHARDS) if shard is None else [shard]
    snapshots = {each: _usable(connection, catalog, asked, each) for each in shards}
    good = [snapshot for snapshot in snapshots.values() if snapshot]
    if not good:
        return due_rows(connection, asked, shard)
    parts = [due_columns(snapshot, asked) for snapshot in good]
    if changed := [key for snapshot in good for key in snapshot.changed]:
        parts.append(due_written(connection, asked, changed))
    parts += [due_rows(connection, asked, each) for each, snapshot in snapshots.items() if not snapshot]
    found = pa.concat_tables(parts)
    return found if len(parts) == 1 else found.take(pc.sort_indices(found["whose"]))  # stable: subscriptions stay


def _usable(connection: Connection, catalog: Catalog, asked: Question, shard: int) -> Current | None:
    snapshot = current(connection, catalog, shard)
    return snapshot if snapshot and can_answer(snapshot, asked) else None


# --- what is due as a batch ------------------------------------------------------------------------------------------


def _batch(catalog: Catalog, gate: Gate, use: MomentUse, day: dt.date, found: pa.Table) -> pa.Table:
    keys = _keys(found, gate, use, day, catalog.policies.send_at)
    return beside(keys, found.select(found.column_names[_OWN:]))


def _keys(found: pa.Table, gate: Gate, use: MomentUse, day: dt.date, send_at: dt.time) -> pa.Table:
    """The key columns of what is found: occurrences differ by their number only, instants by the zone."""
    zones = found["zone"].combine_chunks().dictionary_encode()
    instants = [due_instant(day, send_at, zone) for zone in zones.dictionary.to_pylist()]
    rows = found.num_rows
    columns = [
        pa.repeat(pa.scalar(use.moment), rows),
        pa.array(np.full(rows, use.distance, np.int32)),
        found["which" if gate.owner is Owner.SUBSCRIPTION else "whose"],
        found["whose"],
        found["which"],
        pa.array(gate.names, pa.string()).take(found["number"].combine_chunks()),
        found["zone"],
        pa.array(instants, SCHEMA.field("due_at").type).take(zones.indices),
    ]
    return pa.table(columns, SCHEMA)
