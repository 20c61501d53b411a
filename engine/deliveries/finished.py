"""What becomes of a claimed delivery: the columns to write, one function an end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.store.tables import deliveries

LONGEST_REASON = 200


class Finished(NamedTuple):
    """What became of one claimed delivery: the columns to write."""

    id: int
    values: dict[str, Any]

    @property
    def is_lost(self) -> bool:
        """Whether it will never leave."""
        return self.values["state"] in ("withheld", "failed")


def withheld(delivery: sa.Row[Any], reason: str, now: dt.datetime) -> Finished:
    """It must not be sent, or there is nothing to send."""
    return Finished(delivery.id, {"state": "withheld", "reason": reason[:LONGEST_REASON], "finished_at": now})


def failed(delivery: sa.Row[Any], reason: str, now: dt.datetime) -> Finished:
    """The channel does not take it."""
    return Finished(delivery.id, {"state": "failed", "reason": reason[:LONGEST_REASON], "finished_at": now})


def tried_again(delivery: sa.Row[Any], reason: str, at: dt.datetime) -> Finished:
    """The channel did not take it this time."""
    values = {"state": "pending", "reason": reason[:LONGEST_REASON], "due_at": at, "claimed_until": None}
    return Finished(delivery.id, values)


def put_off(delivery: sa.Row[Any], at: dt.datetime) -> Finished:
    """It may be sent later; that it was claimed is no attempt."""
    values = {"state": "pending", "due_at": at, "claimed_until": None, "attempts": delivery.attempts - 1}
    return Finished(delivery.id, values)


def sent(delivery: sa.Row[Any], content: dict[str, Any], now: dt.datetime) -> Finished:
    """It has left; `content` is kept with it."""
    return Finished(delivery.id, {"state": "sent", "finished_at": now, "content": content, "claimed_until": None})


def write_finished(connection: sa.Connection, finished: Sequence[Finished]) -> None:
    """What somebody else finished meanwhile stays as it is."""
    for each in finished:
        mine = deliveries.c.id == each.id, deliveries.c.state == "pending"
        connection.execute(deliveries.update().where(*mine), each.values)
