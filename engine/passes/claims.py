"""Claims: the rows of the ledger that make a batch ours, written in the transaction that decides it.

A second process that wants the same row waits for our transaction (SQLite has one writer, PostgreSQL waits on the
unique key), then finds it taken. If ours fails, its rows go with it and the batch is as it was.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.passes.this_pass import Pass, newest_move
from engine.store.inserts import insert
from engine.store.tables import batches


def claim(
    connection: sa.Connection,
    this: Pass,
    uses: Sequence[MomentUse],
    day: dt.date,
    zones: Sequence[str],
    shard: int,
    rerun: int = 0,
    moves_seen: int | None = None,
) -> dict[MomentUse, list[str]]:
    """The zones that are ours for each moment of a day: those whose row in the ledger is new.

    `moves_seen` is the newest move that was known when the batch was decided; None: it is decided now.
    """
    if not uses or not zones:
        return {}
    number = this.number(connection)
    shared = {"local_date": day, "shard": shard, "rerun": rerun, "pass_id": number, "finished_at": this.now}
    shared["moves_seen"] = newest_move(connection) if moves_seen is None else moves_seen
    keys = [{"moment": use.moment, "offset": use.distance, "zone": zone} for use in uses for zone in zones]
    connection.execute(insert(connection, batches).on_conflict_do_nothing(), [shared | key for key in keys])
    mine = (batches.c[name] == shared[name] for name in ("local_date", "shard", "rerun", "pass_id"))
    return _zones_of(connection, uses, *mine)


def knows_newest(connection: sa.Connection, this: Pass, day: dt.date, shard: int) -> bool:
    """Whether no calendar changed since our claim; else the claim is as if it were made now.

    Who is due is asked after the claim, and on PostgreSQL each statement sees what was committed by then: who moved in
    between would be in no batch, or in two. So it is asked again until the claim knows what the answer knew.
    """
    newest = newest_move(connection)
    ours = (batches.c.local_date == day, batches.c.shard == shard, batches.c.rerun == 0)
    older = (batches.c.pass_id == this.number(connection), batches.c.moves_seen < newest)
    return connection.execute(batches.update().where(*ours, *older).values(moves_seen=newest)).rowcount == 0


def claimed(
    connection: sa.Connection, uses: Sequence[MomentUse], day: dt.date, shard: int
) -> dict[MomentUse, list[str]]:
    """The zones in which each moment of a day is done for a shard."""
    return _zones_of(connection, uses, batches.c.local_date == day, batches.c.shard == shard, batches.c.rerun == 0)


def _zones_of(
    connection: sa.Connection, uses: Sequence[MomentUse], *these: sa.ColumnElement[bool]
) -> dict[MomentUse, list[str]]:
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for moment, offset, zone in connection.execute(
        sa.select(batches.c.moment, batches.c.offset, batches.c.zone).where(*these)
    ):
        found[moment, offset].append(zone)
    return {use: sorted(found[use.moment, use.distance]) for use in uses if (use.moment, use.distance) in found}
