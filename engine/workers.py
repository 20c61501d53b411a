"""The running schedulers and their signs of life, for people and for `/healthz`; who may work is the lease's matter."""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.inserts import insert
from engine.store.tables import workers

TICK = dt.timedelta(seconds=60)
"""How often a scheduler looks for work."""

MISSED = 2
"""Ticks without a sign of life after which a scheduler is late."""

FORGOTTEN = dt.timedelta(days=1)
"""How long the row of a scheduler that was killed is shown."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A scheduler; `place` tells people where it runs. `beat_at` is by the clock on its wall."""

    id: str
    place: str
    started_at: dt.datetime
    beat_at: dt.datetime

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


def leave(connection: sa.Connection, worker: Worker) -> None:
    """A clean stop leaves no row behind."""
    connection.execute(workers.delete().where(workers.c.id == worker.id))


def bury(connection: sa.Connection, now: dt.datetime) -> None:
    """Forget the schedulers that were killed long ago."""
    connection.execute(workers.delete().where(workers.c.beat_at < now - FORGOTTEN))


def registered(connection: sa.Connection) -> tuple[Worker, ...]:
    """Every scheduler that has not left, the freshest first."""
    query = sa.select(workers).order_by(workers.c.beat_at.desc(), workers.c.id)
    return tuple(Worker(row.id, row.place, row.started_at, row.beat_at) for row in connection.execute(query))
