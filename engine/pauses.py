"""Pauses: a rule, or everything, that decides nothing and delivers nothing until a person resumes it.

Every transaction that decides or claims deliveries reads them, so that a pause takes effect within one batch.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.inserts import insert
from engine.store.tables import pauses

EVERYTHING = ""
"""The name under which every rule is paused."""


@dataclass(frozen=True, slots=True)
class Pause:
    rule: str
    since: dt.datetime
    reason: str

    def to_json(self) -> dict[str, str | None]:
        return {"rule": self.rule or None, "since": self.since.isoformat(), "reason": self.reason}


def paused(connection: sa.Connection) -> frozenset[str]:
    """The names of paused rules, with `EVERYTHING` among them where nothing at all may go on."""
    return frozenset(connection.scalars(sa.select(pauses.c.rule)))


def every_pause(connection: sa.Connection) -> tuple[Pause, ...]:
    """All of them, that of everything first."""
    rows = connection.execute(sa.select(pauses).order_by(pauses.c.rule))
    return tuple(Pause(row.rule, row.since, row.reason) for row in rows)


def pause(connection: sa.Connection, rule: str, reason: str, now: dt.datetime) -> None:
    """Pause a rule, or `EVERYTHING`. Of one that is paused already only the reason changes."""
    statement = insert(connection, pauses).values(rule=rule, since=now, reason=reason)
    connection.execute(statement.on_conflict_do_update(index_elements=["rule"], set_={"reason": reason}))


def resume(connection: sa.Connection, rule: str) -> bool:
    """Lift the pause of a rule, or of `EVERYTHING`; rules paused by name stay paused. False where there was none."""
    return connection.execute(pauses.delete().where(pauses.c.rule == rule)).rowcount > 0
