"""The journal of written customers: what tells how far a snapshot is behind (the table `changes`).

Whoever writes customers or subscriptions appends their ids in the same transaction. A snapshot's *anchor* is the last
row that it includes. It is current but for the rows after its anchor, as long as that very row is there: rows go from
the lowest number up, so nothing after it is missing. A database restored from a backup may give a number again, but not
its token.

On PostgreSQL a writer keeps the journal to itself until it commits, so that numbers come in the order of commits; the
locks come before those of tables, so that writers never wait in a circle. SQLite has one writer at a time anyway.

No row at all means that nobody keeps snapshots of this store; then writing costs one look.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from engine.store.bulk import insert_rows
from engine.store.inserts import insert
from engine.store.tables import SHARDS, changes
from engine.store.zones import shard_of

KEPT = 100_000
"""Numbers that stay behind a snapshot's anchor when it is renewed: snapshots of other machines are behind it too."""

_KEEPING, _WRITING = "carpe snapshots are kept", "carpe changes are written"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A row of the journal."""

    number: int
    token: str


def new_token() -> str:
    return secrets.token_hex(16)


def is_kept(connection: Connection) -> bool:
    """Whether somebody keeps snapshots of this store."""
    return connection.scalar(select(changes.c.number).limit(1)) is not None


def join(connection: Connection) -> bool:
    """Makes the transaction one of the journal's writers; False where there is no journal to write."""
    _lock(connection, _KEEPING, shared=True)
    if not is_kept(connection):
        return False
    _lock(connection, _WRITING)
    return True


def append(connection: Connection, customer_ids: Iterable[str], token: Callable[[], str] = new_token) -> None:
    """Notes customers as written in a transaction that has joined."""
    mine = token()
    rows = ((shard_of(key), key, mine) for key in sorted(set(customer_ids)))
    insert_rows(connection, changes, ("shard", "customer_id", "token"), rows)


def begin(connection: Connection, token: Callable[[], str] = new_token) -> None:
    """Begins a journal where there is none, once every writer that has not joined is done."""
    _lock(connection, _KEEPING)
    if not is_kept(connection):
        append_starts(connection, range(SHARDS), token())


def restart(connection: Connection, shards: Iterable[int], token: Callable[[], str] = new_token) -> None:
    """Makes every snapshot of these shards one that nobody trusts; the transaction has joined."""
    for shard in shards:
        begun = append_starts(connection, [shard], token())
        connection.execute(delete(changes).where(changes.c.shard == shard, changes.c.number < begun))


def append_starts(connection: Connection, shards: Iterable[int], token: str) -> int:
    """A row of no customer for each shard; the number of the last one."""
    number = 0
    for shard in shards:
        row = insert(connection, changes).values(shard=shard, customer_id="", token=token)
        number = connection.scalars(row.returning(changes.c.number)).one()
    return number


def end(connection: Connection) -> None:
    """Empties the journal: nobody keeps snapshots any more."""
    _lock(connection, _KEEPING)
    connection.execute(delete(changes))


def newest(connection: Connection, shard: int) -> Anchor | None:
    """The anchor of a snapshot that is made of what the connection reads from now on."""
    rows = select(changes.c.number, changes.c.token).where(changes.c.shard == shard)
    row = connection.execute(rows.order_by(changes.c.number.desc()).limit(1)).first()
    return None if row is None else Anchor(*row)


def holds(connection: Connection, anchor: Anchor) -> bool:
    """Whether a snapshot with this anchor may be current."""
    row = select(changes.c.number).where(changes.c.number == anchor.number, changes.c.token == anchor.token)
    return connection.scalar(row) is not None


def since(connection: Connection, shard: int, anchor: Anchor, most: int) -> Sequence[str] | None:
    """The customers written after the anchor, sorted; None where it is gone, or where more than `most` rows follow."""
    columns = (changes.c.number, changes.c.token, changes.c.customer_id)
    later = select(*columns).where(changes.c.shard == shard, changes.c.number >= anchor.number)
    rows = connection.execute(later.order_by(changes.c.number).limit(most + 2)).all()
    if not rows or Anchor(*rows[0][:2]) != anchor or len(rows) > most + 1:
        return None
    return sorted({row.customer_id for row in rows[1:]} - {""})


def prune(connection: Connection, shard: int, anchor: Anchor) -> None:
    """Forgets what lies more than `KEPT` behind the anchor of a new snapshot."""
    connection.execute(delete(changes).where(changes.c.shard == shard, changes.c.number < anchor.number - KEPT))


def _lock(connection: Connection, name: str, *, shared: bool = False) -> None:
    if connection.dialect.name == "postgresql":
        mode = "_shared" if shared else ""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{mode}(hashtextextended(%s, 0))", (name,))
