"""The running schedulers and their signs of life, for people and for `/healthz`; who may work is the lease's matter."""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.inserts import insert
from engine.store.meta import drop_meta, set_meta
from engine.store.tables import meta, workers

TICK = dt.timedelta(seconds=60)
"""How often a scheduler looks for work."""

MISSED = 2
"""Ticks without a sign of life after which a scheduler is late."""

FORGOTTEN = dt.timedelta(days=1)
"""How long the row of a scheduler that was killed is shown."""

_TROUBLE = "trouble:"
"""Before a worker's id, the key in `meta` of what is wrong with its rules."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A scheduler; `place` tells people where it runs. `beat_at` is by the clock on its wall.

    `trouble` is one sentence on why it does not run the rules that its files say.
    """

    id: str
    place: str
    started_at: dt.datetime
    beat_at: dt.datetime
    trouble: str | None = None

    def late(self, now: dt.datetime) -> bool:
        return now - self.beat_at > MISSED * TICK


def this_worker(command: str, now: dt.datetime) -> Worker:
    """A name of its own for this process: a process id comes back, and so does a host's name."""
    host, process = socket.gethostname()[:100], os.getpid()
    return Worker(f"{process}-{uuid.uuid4().hex}", f"{command} on {host}, process {process}", now, now)


def beat(connection: sa.Connection, worker: Worker, now: dt.datetime) -> None:
    """A sign of life; the row is made anew where it is gone."""
    values = {"id": worker.id, "place": worker.place, "started_at": worker.started_at, "beat_at": now}
    statement = insert(connection, workers).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"beat_at": now}))


def tell_trouble(connection: sa.Connection, worker: Worker, trouble: str | None) -> None:
    """Let everybody who asks know what is wrong with the rules of this process, or that nothing is."""
    if trouble is None:
        drop_meta(connection, _TROUBLE + worker.id)
    else:
        set_meta(connection, _TROUBLE + worker.id, trouble)


def leave(connection: sa.Connection, worker: Worker) -> None:
    """A clean stop leaves no row behind."""
    connection.execute(workers.delete().where(workers.c.id == worker.id))
    drop_meta(connection, _TROUBLE + worker.id)


def bury(connection: sa.Connection, now: dt.datetime) -> None:
    """Forget the schedulers that were killed long ago."""
    dead = connection.scalars(workers.delete().where(workers.c.beat_at < now - FORGOTTEN).returning(workers.c.id))
    for worker in dead.all():
        drop_meta(connection, _TROUBLE + worker)


def registered(connection: sa.Connection) -> tuple[Worker, ...]:
    """Every scheduler that has not left, the freshest first."""
    told = workers.outerjoin(meta, meta.c.key == sa.literal(_TROUBLE) + workers.c.id)
    query = sa.select(workers, meta.c.value).select_from(told).order_by(workers.c.beat_at.desc(), workers.c.id)
    return tuple(Worker(row.id, row.place, row.started_at, row.beat_at, row.value) for row in connection.execute(query))
