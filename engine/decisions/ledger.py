"""The ledger: decisions and all that comes of them, written in the transaction of their batch.

What was decided before is read from here too: a rule meets an occurrence once, and an occurrence is won once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.typed import MomentUse
from engine.decisions.effects import NO_EFFECTS, Effects, put_effects
from engine.decisions.tables import Occurrence
from engine.store.bulk import among, take_turns
from engine.store.inserts import insert, insert_columns
from engine.store.snapshot.journal import join
from engine.store.state import CustomerState, customer_states, put_customers
from engine.store.tables import counters, customers, decisions, deliveries, receipts

TagChange = tuple[str, str, bool]
"""customer, tag, whether it is put on"""

COUNTS = ("due", "not_matched", "offered", "held", "held_out", "missed")


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a decided batch: columns as the tables have them, JSON as text; counters as dictionaries."""

    decisions: pa.Table
    receipts: pa.Table
    deliveries: pa.Table
    counters: Sequence[dict[str, Any]]
    tags: Sequence[TagChange]
    effects: Effects = NO_EFFECTS


def known(connection: sa.Connection, ids: Sequence[str]) -> frozenset[str]:
    """Those of the decisions' ids that are there already."""
    return frozenset(connection.scalars(sa.select(decisions.c.id).where(among(connection, decisions.c.id, ids))))


def taken(connection: sa.Connection, occurrences: Collection[Occurrence]) -> dict[Occurrence, str]:
    """The rule that won, for those of the occurrences that were won before."""
    columns = decisions.c
    query = sa.select(columns.subject, columns.moment, columns.offset, columns.occurrence, columns.rule).where(
        columns.slot.is_not(None),
        among(connection, columns.subject, sorted({subject for subject, *_ in occurrences})),
        columns.moment.in_({moment for _, moment, *_ in occurrences}),
    )
    found = {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(query)}
    return {key: found[key] for key in occurrences if key in found}


def write(connection: sa.Connection, catalog: Catalog, written: Written, now: dt.datetime) -> None:
    """Insert all of it. The unique keys refuse what would repeat, and with it the whole transaction."""
    insert_columns(connection, decisions, written.decisions)
    insert_columns(connection, receipts, written.receipts)
    insert_columns(connection, deliveries, written.deliveries)
    put_effects(connection, written.effects, now)
    count(connection, written.counters)
    put_tags(connection, catalog, written.tags, now)


def count(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows of counters to those that are there."""
    if not rows:
        return
    statement = insert(connection, counters)
    key = [column.name for column in counters.primary_key]
    added = {name: counters.c[name] + statement.excluded[name] for name in COUNTS}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=added), list(rows))


def put_tags(connection: sa.Connection, catalog: Catalog, changes: Sequence[TagChange], now: dt.datetime) -> None:
    """Put and take off tags: new versions of their customers, the old ones kept as history."""
    if not changes:
        return
    join(connection)  # the journal's locks come before those of tables, as in every writer
    take_turns(connection, customers)  # before they are read: whole customers are written back
    states = customer_states(connection, catalog, sorted({customer for customer, *_ in changes}))
    tags = {customer: set(_tags(state)) for customer, state in states.items()}
    for customer, tag, add in changes:
        if customer not in tags:
            continue  # erased since the batch was read
        (tags[customer].add if add else tags[customer].discard)(tag)
    rows = [{**state.customer, "customer.tags": frozenset(tags[customer])} for customer, state in states.items()]
    put_customers(connection, catalog, rows, now)


def _tags(state: CustomerState) -> frozenset[str]:
    tags = state.customer["customer.tags"]
    return tags if isinstance(tags, frozenset) else frozenset()


def tally(rule: str, use: MomentUse, day: dt.date, due: int, results: Mapping[str, int]) -> dict[str, Any]:
    """One row of counters, without its pass; what is due beyond the matches that `results` counts did not match."""
    held = results.get("held", 0)
    held_out = results.get("held_out", 0)
    offered = sum(results.values()) - held - held_out
    return {
        "rule": rule,
        "moment": use.moment,
        "offset": use.distance,
        "local_date": day,
        "due": due,
        "not_matched": due - offered - held - held_out,
        "offered": offered,
        "held": held,
        "held_out": held_out,
        "missed": 0,
    }
