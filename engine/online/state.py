"""What is known of some events before they are decided, by one indexed query for all of them.

For each: whether its id was recorded before, and its customer with every subscription. The statement is compiled once
a database and run by the driver's own cursor; JSON comes as text and is decoded by who reads it (`rows`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect

from engine.online.incoming import IncomingEvent
from engine.online.rows import Held, Person
from engine.store.tables import customers, events, subscriptions


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of one event: the digest and the state of that id, None where it is new, and its customer.

    `person` is None where there is no such customer.
    """

    digest: str | None
    state: str | None
    person: Person | None


def known(connection: sa.Connection, asked: Sequence[IncomingEvent]) -> list[Known]:
    """What is known of each event, in their order; no customer twice."""
    cursor = connection.connection.cursor()
    name = connection.dialect.name
    cursor.execute(_statement(name), _parameters(name, asked))
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in cursor.fetchall():
        grouped[row[0]].append(row)
    cursor.close()
    return [_known(grouped[place]) for place in sorted(grouped)]


def take_turns(connection: sa.Connection, asked: Sequence[IncomingEvent]) -> None:
    """On PostgreSQL: nobody else records these ids or decides for these customers until this transaction ends.

    The ids' locks are those of `store.events`. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(f"LOCK TABLE {events.name} IN ROW EXCLUSIVE MODE")
    keys = {f"{one.source}\n{one.id}" for one in asked} | {f"decides\n{one.customer}" for one in asked}
    ordered = "SELECT hashtextextended(key, 0) AS number FROM unnest(%s::text[]) AS key ORDER BY 1"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock(number) FROM ({ordered}) AS keys", (list(keys),))


def _known(rows: Sequence[Any]) -> Known:
    _, digest, state, key, timezone, zone, tags, attributes = rows[0][:8]
    if key is None:
        return Known(digest, state, None)
    held = [Held(*row[8:]) for row in rows if row[8] is not None]
    if len(held) > 1:
        held.sort(key=lambda one: one.id)
    return Known(digest, state, Person(key, timezone, zone, tags, attributes, tuple(held)))


# --- the statement ---------------------------------------------------------------------------------------------------


def _parameters(dialect: str, asked: Sequence[IncomingEvent]) -> Any:
    if dialect == "postgresql":
        return {
            "sources": [one.source for one in asked],
            "ids": [one.id for one in asked],
            "people": [one.customer for one in asked],
        }
    return (json.dumps([(one.source, one.id, one.customer) for one in asked]),)


@cache
def _statement(dialect: str) -> str:
    if dialect == "postgresql":
        arrays = (sa.bindparam(name, type_=ARRAY(sa.Text)) for name in ("sources", "ids", "people"))
        asked = sa.func.unnest(*arrays).table_valued("source", "id", "customer", with_ordinality="place")
        asked = asked.render_derived(name="asked")
        compiled = _joined(asked.c.place, asked.c.source, asked.c.id, asked.c.customer, asked)
        return str(compiled.compile(dialect=_postgresql()))
    listed = sa.func.json_each(sa.bindparam("asked")).table_valued("key", "value", name="asked")
    source, key, customer = (sa.func.json_extract(listed.c.value, sa.literal_column(f"'$[{n}]'")) for n in range(3))
    return str(_joined(listed.c.key, source, key, customer, listed).compile(dialect=sqlite.dialect()))


def _postgresql() -> Dialect:
    """As the driver takes parameters: by name."""
    return postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


def _joined(
    place: sa.ColumnElement[Any],
    source: sa.ColumnElement[str],
    key: sa.ColumnElement[str],
    customer: sa.ColumnElement[str],
    asked: sa.FromClause,
) -> sa.Select[Any]:
    columns = (
        place,
        events.c.digest,
        events.c.state,
        customers.c.id,
        customers.c.timezone,
        customers.c.zone,
        _text(customers.c.tags),
        _text(customers.c.attributes),
        subscriptions.c.id,
        subscriptions.c.status,
        subscriptions.c.currency,
        _text(subscriptions.c.addons),
        _text(subscriptions.c.attributes),
    )
    told = asked.outerjoin(events, sa.and_(events.c.source == source, events.c.id == key))
    whose = told.outerjoin(customers, customers.c.id == customer)
    held = whose.outerjoin(subscriptions, subscriptions.c.customer_id == customers.c.id)
    return sa.select(*columns).select_from(held)


def _text(document: sa.Column[Any]) -> sa.ColumnElement[str]:
    return sa.cast(document, sa.Text)
