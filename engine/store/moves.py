"""What the calendar of a customer or a subscription hung on before it changed: the rows of `moves`.

Who moves to another zone, or whose anchor date changes, must neither meet an occurrence twice nor lose it; who becomes
known after the hour of sending must still be met. For both, a pass asks what was known when a batch was decided
(`engine.moments.timeline`). So every write that changes a zone, a date or the billing interval leaves a row here with
what was true before, in its own transaction. Where nothing was ever decided nobody can be late, and nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, exists, select

from dsl.catalog import Owner
from engine.store.bulk import insert_rows, instant_text
from engine.store.documents import Json, dump
from engine.store.tables import batches
from engine.store.tables import moves as moves_table
from engine.store.zones import shard_of

INTERVAL = "billing_interval"
"""The subscription's attribute that moments recur by, where the catalog says so."""

_NAMES = ("owner", "subject", "customer_id", "shard", "changed_at", "before", "lasting")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the calendar reads of some rows, one place a row. `recurring` are the dates that moments recur from."""

    subjects: Sequence[str]
    customers: Sequence[str]
    facts: Sequence[dict[str, Json]]
    recurring: frozenset[str]


def are_kept(connection: Connection) -> bool:
    """Whether anything was decided yet: only then somebody can be late."""
    return bool(connection.scalar(select(exists(select(batches.c.shard)))))


def calendar_facts(zones: Sequence[str], table: pa.Table, date_names: Sequence[str]) -> list[dict[str, Json]]:
    """The facts of each row: its `zone` (customers), these `dates`, its `interval` where there is one.

    `zones` is empty for subscriptions; `table` has the dates' columns, and `billing_interval` where it is declared.
    """
    columns = {name: table[name].cast(pa.string()).to_pylist() for name in date_names}
    intervals = table[INTERVAL].to_pylist() if INTERVAL in table.column_names else [None] * table.num_rows
    found: list[dict[str, Json]] = []
    for at in range(table.num_rows):
        dates = {name: column[at] for name, column in columns.items() if column[at] is not None}
        fact: dict[str, Json] = {"dates": dates}
        if zones:
            fact["zone"] = zones[at]
        if intervals[at] is not None:
            fact["interval"] = intervals[at]
        found.append(fact)
    return found


def record(connection: Connection, owner: Owner, before: Facts, after: Facts, now: dt.datetime) -> None:
    """Rows for those whose facts changed and for those that are new, which `before` does not have."""
    insert_rows(connection, moves_table, _NAMES, _rows(owner, before, after, instant_text(now)))


def _rows(owner: Owner, before: Facts, after: Facts, changed_at: str) -> Iterator[tuple[str | int | bool | None, ...]]:
    known = dict(zip(before.subjects, before.facts, strict=True))
    for subject, customer, fact in zip(after.subjects, after.customers, after.facts, strict=True):
        earlier = known.get(subject)
        if earlier != fact:
            document = None if earlier is None else dump(earlier)
            lasting = earlier is not None and _is_lasting(earlier, fact, after.recurring)
            yield str(owner), subject, customer, shard_of(customer), changed_at, document, lasting


def _is_lasting(before: dict[str, Json], after: dict[str, Json], recurring: frozenset[str]) -> bool:
    """Whether more changed than dates of moments that come once: those are named by their date, and so met once."""

    def lasts(fact: dict[str, Json]) -> list[Json]:
        dates = {name: date for name, date in fact["dates"].items() if name in recurring}
        return [fact.get("zone"), fact.get("interval"), dates]

    return lasts(before) != lasts(after)
