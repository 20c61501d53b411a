"""The store knows which catalog its documents, dates and zones were made with (design decision 14).

When the parts of the catalog that the store depends on have changed, every document is read again: values that no
longer fit their declared type are taken out (the version before goes to the history), `dates`, `status` and zones are
made anew. It goes by blocks of ids in one transaction: a crash leaves the old index with the old digest.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Text, cast, delete, select, update

from dsl.catalog import AttributeDeclaration, Catalog, Owner
from dsl.datatypes import Kind
from engine.store import moves
from engine.store.bulk import among, run_many
from engine.store.documents import Json, dump
from engine.store.meta import get_meta, set_meta
from engine.store.snapshot.journal import join, restart
from engine.store.tables import SHARDS, customers, dates
from engine.store.upsert import CUSTOMERS, SUBSCRIPTIONS, Derived, Kept, Versions, append_history, insert_dates

BLOCK = 20_000
_KEY = "catalog"


@dataclass(slots=True)
class Reindexed:
    """Rows read, and the values taken out because they do not fit their type now, by attribute."""

    rows: int = 0
    removed: dict[str, int] = field(default_factory=dict)


def catalog_digest(catalog: Catalog) -> str:
    """SHA-256 (hex) of what the store depends on: attributes and their types, plans, add-ons, time zones."""
    attributes = [
        [one.key, one.type.kind, sorted(one.type.values)]
        for one in (*catalog.customer.values(), *catalog.subscription.values())
    ]
    parts = [
        sorted(attributes),
        sorted(catalog.plans),
        sorted(catalog.addons),
        catalog.timezone,
        sorted(catalog.country_timezones.items()),
    ]
    return hashlib.sha256(dump(parts).encode()).hexdigest()


def is_indexed(connection: Connection, catalog: Catalog) -> bool:
    """Whether the store's dates and zones were made with this catalog."""
    return get_meta(connection, _KEY) == catalog_digest(catalog)


def reindex(
    connection: Connection, catalog: Catalog, now: dt.datetime, progress: Callable[[int], None] = lambda rows: None
) -> Reindexed:
    """Makes dates, statuses and zones anew where the catalog has changed; does nothing where it has not.

    `progress` is called with the number of rows done so far.
    """
    done = Reindexed()
    if is_indexed(connection, catalog):
        return done
    journalled = join(connection)
    _wait_for_others(connection)
    if is_indexed(connection, catalog):
        return done
    connection.execute(delete(dates))
    for kept in (CUSTOMERS, SUBSCRIPTIONS):
        for block in _blocks(connection, kept):
            _revalidate(connection, catalog, kept, block, now, done)
            derived = Derived(catalog, kept, block)
            if kept is CUSTOMERS and moves.are_kept(connection):
                _keep_moves(connection, block, derived, now)
            _write_derived(connection, kept, block, derived)
            insert_dates(connection, kept.owner, block.ids, derived)
            done.rows += len(block.ids)
            progress(done.rows)
    if journalled:
        restart(connection, range(SHARDS))
    set_meta(connection, _KEY, catalog_digest(catalog))
    return done


def _wait_for_others(connection: Connection) -> None:
    """One reindexes at a time; on SQLite every writer is alone already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE dates IN SHARE ROW EXCLUSIVE MODE")


def _blocks(connection: Connection, kept: Kept) -> Iterator[Versions]:
    columns = [cast(kept.table.c[name], Text) for name in (*kept.given, "attributes")]
    last = ""
    while True:
        query = select(kept.table.c.id, *columns).where(kept.table.c.id > last).order_by(kept.table.c.id).limit(BLOCK)
        rows = [tuple(row) for row in connection.execute(query)]
        if not rows:
            return
        yield Versions([row[0] for row in rows], [row[1:-1] for row in rows], [row[-1] for row in rows])
        last = rows[-1][0]


def _keep_moves(connection: Connection, block: Versions, derived: Derived, now: dt.datetime) -> None:
    """Customers who live by another zone now have moved, though nothing was told of them."""
    mine = select(customers.c.id, customers.c.zone).where(among(connection, customers.c.id, block.ids))
    zones = {row.id: row.zone for row in connection.execute(mine)}
    after = derived.calendar(CUSTOMERS)
    before = [fact | {"zone": zones[key]} for key, fact in zip(block.ids, after.facts, strict=True)]
    moves.record(connection, Owner.CUSTOMER, replace(after, facts=before), after, now)


def _write_derived(connection: Connection, kept: Kept, block: Versions, derived: Derived) -> None:
    settings = ", ".join(f"{name} = ?" for name in kept.derived)
    rows = zip(derived.columns(kept), block.ids, strict=True)
    run_many(
        connection, f"UPDATE {kept.table.name} SET {settings} WHERE id = ?", ((*values, key) for values, key in rows)
    )


# --- revalidation ----------------------------------------------------------------------------------------------------


def _revalidate(
    connection: Connection, catalog: Catalog, kept: Kept, block: Versions, now: dt.datetime, done: Reindexed
) -> None:
    """Takes out of the block's documents what does not fit, and keeps the versions before."""
    declared = catalog.attributes(kept.owner)
    changed: dict[str, str] = {}
    for at, text in enumerate(block.documents):
        document = json.loads(text)
        wrong = [name for name, stored in document.items() if not fits(catalog, declared.get(name), stored)]
        if wrong:
            for name in wrong:
                del document[name]
                key = f"{kept.owner}.{name}"
                done.removed[key] = done.removed.get(key, 0) + 1
            block.documents[at] = changed[block.ids[at]] = dump(document)
    if changed:
        append_history(connection, kept, list(changed), now)
        statement = f"UPDATE {kept.table.name} SET attributes = ? WHERE id = ?"
        run_many(connection, statement, ((text, key) for key, text in changed.items()))
        times = update(kept.table).values(valid_from=now, recorded_at=now)
        for key in changed:
            connection.execute(times.where(kept.table.c.id == key))


def fits(catalog: Catalog, declared: AttributeDeclaration | None, stored: Json) -> bool:
    """Whether a stored value is of its attribute's type; what is not declared is let be, nobody reads it."""
    if declared is None:
        return True
    values = declared.type.values
    match declared.type.kind:
        case Kind.ENUM:
            return stored in values
        case Kind.PLAN:
            return stored in catalog.plans
        case Kind.ADDON:
            return stored in catalog.addons
        case Kind.SET:
            return isinstance(stored, list) and (not values or set(stored) <= set(values))
        case Kind.FLAG:
            return isinstance(stored, bool)
        case Kind.COUNT:
            return isinstance(stored, int) and not isinstance(stored, bool)
        case Kind.NUMBER:
            return isinstance(stored, int | float) and not isinstance(stored, bool)
        case Kind.MONEY:
            return isinstance(stored, list) and len(stored) == 2 and isinstance(stored[0], int)
        case Kind.DATE:
            return _is_date(stored)
        case Kind.PERCENT:
            return isinstance(stored, str) and stored.removeprefix("-").replace(".", "", 1).isdecimal()
        case _:
            return isinstance(stored, str)


def _is_date(stored: Json) -> bool:
    try:
        dt.date.fromisoformat(stored)
    except (TypeError, ValueError):
        return False
    return True
