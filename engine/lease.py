"""The lease: which scheduler works, until when by the database's own clock, and the token that fences off the others.

A holder that is stopped for long (a suspended machine, a full disk) must not write when it wakes up after another took
over. So it asks in every transaction of its work whether its token is still the row's and its term not over, and holds
the row's lock until that transaction ends: a takeover waits for what is under way, and nothing of the old holder's
lands after it. Once-only does not rest on this: unique keys and the ledger see to that. The lease says who works.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine.errors import CarpeError
from engine.store.database_clock import database_now
from engine.store.inserts import insert
from engine.store.tables import leases
from engine.workers import TICK

TERM = 3 * TICK
"""How long a lease lasts after it was last renewed."""

NAME = "scheduler"

Clock = Callable[[sa.Connection], dt.datetime]

_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ROW = leases.c.name == NAME


class LostLease(CarpeError):
    """Another scheduler has taken over, so this one stopped; what it had not finished is done there."""


def acquire(
    connection: sa.Connection, holder: str, clock: Clock = database_now, term: dt.timedelta = TERM
) -> int | None:
    """The token of a new lease, larger than every one before; None while somebody else's runs or is being renewed."""
    _make_row(connection)
    row = connection.execute(sa.select(leases).where(_ROW).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    now = clock(connection)
    if now < row.until <= now + term:
        return None
    token: int = row.token + 1
    connection.execute(leases.update().where(_ROW).values(holder=holder, token=token, until=now + term))
    return token


def renew(
    connection: sa.Connection, holder: str, token: int, clock: Clock = database_now, term: dt.timedelta = TERM
) -> None:
    """Ours until a term from now, and nobody else's before this transaction ends. Raises LostLease where it is over."""
    row = connection.execute(sa.select(leases).where(_ROW).with_for_update()).one_or_none()
    now = clock(connection)
    if row is None or (row.holder, row.token) != (holder, token) or row.until <= now:
        raise LostLease()
    connection.execute(leases.update().where(_ROW).values(until=now + term))


def release(connection: sa.Connection, holder: str, token: int) -> None:
    """Let the next scheduler begin at once; the token stays, so that the next one is larger."""
    mine = sa.and_(_ROW, leases.c.holder == holder, leases.c.token == token)
    connection.execute(leases.update().where(mine).values(until=_NEVER))


def _make_row(connection: sa.Connection) -> None:
    """The row that is locked. Asked for first: an insert would wait for a holder that is renewing it."""
    if connection.scalar(sa.select(leases.c.token).where(_ROW)) is None:
        statement = insert(connection, leases).values(name=NAME, holder="", token=0, until=_NEVER)
        connection.execute(statement.on_conflict_do_nothing())


def holder(connection: sa.Connection, clock: Clock = database_now) -> sa.Row[Any] | None:
    """The row of a lease that runs now."""
    row = connection.execute(sa.select(leases).where(_ROW)).one_or_none()
    return row if row is not None and row.until > clock(connection) else None
