"""Due sets from a snapshot's columns: a look at the dates of everybody, then only the rows that are due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute
from engine.moments.gate import Question
from engine.store.columns import keys_of
from engine.store.snapshot.current import Current
from engine.store.snapshot.pairs import read_pairs

_KEYS = {"whose": "customer.id", "which": "subscription.id", "zone": "zone"}


def can_answer(snapshot: Current, asked: Question) -> bool:
    """Whether the snapshot has every column that is read."""
    return {_anchor(asked), *_names(asked)} - {None} <= set(snapshot.file.names)


def due_columns(snapshot: Current, asked: Question) -> pa.Table:
    """The same as `due_rows` of the snapshot's shard, without the customers written since it was made."""
    found = [_found(batch, asked) for batch in snapshot.file.batches()]
    table = pa.concat_tables(found) if found else _found(snapshot.file.nothing(), asked)
    if snapshot.changed:
        written = pc.is_in(table["whose"], pa.array(snapshot.changed, pa.string()))
        table = table.filter(pc.invert(written))
    return table


def due_written(connection: Connection, asked: Question, customer_ids: Sequence[str]) -> pa.Table:
    """The same of a few customers, written since: read by their key, then looked at like a snapshot's columns.

    Asking the database for the due among them would be slower: SQLite then reads all the due, and looks for these.
    """
    gate, attributes = asked.gate, list(asked.attributes)
    if gate.attribute is not None:
        attributes.append(Attribute(gate.owner, gate.attribute, DataType(Kind.DATE)))
    return due_pairs(read_pairs(connection, dict.fromkeys(attributes), customer_ids), asked)


def due_pairs(pairs: pa.Table, asked: Question) -> pa.Table:
    """The same of pairs at hand, as `store.snapshot.pairs` describes them, in their order."""
    return pa.concat_tables(_found(batch, asked) for batch in _batches(pairs))


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    if not table.num_rows:
        yield pa.record_batch([pa.array([], each.type) for each in table.schema], table.schema)
    yield from table.combine_chunks().to_batches()


def _found(batch: pa.RecordBatch, asked: Question) -> pa.Table:
    names = ["which", "zone", "status", "interval"]
    columns = [batch["subscription.id"], batch["zone"], batch["status"], batch["interval"]]
    if (anchor := _anchor(asked)) is not None:
        names, columns = [*names, "anchor"], [*columns, batch[anchor]]
    narrow = pa.record_batch(columns, names)
    places, numbers = asked.rows(narrow)
    rows = pa.array(places)
    keys = [_plain(batch[name].take(rows)) for name in _KEYS.values()]
    concerned = asked.gate.concerned(narrow.select(["which", "status"]).take(rows))
    wanted = _names(asked)
    values = [_plain(batch[name].take(rows)) for name in wanted]
    return pa.table([*keys, pa.array(numbers), pa.array(concerned), *values], [*_KEYS, "number", "concerned", *wanted])


def _anchor(asked: Question) -> str | None:
    gate = asked.gate
    return None if gate.attribute is None else f"{gate.owner}.{gate.attribute}"


def _names(asked: Question) -> Sequence[str]:
    return list(dict.fromkeys(key for one in asked.attributes for key in keys_of(one)))


def _plain(values: pa.Array) -> pa.Array:
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
