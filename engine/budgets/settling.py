"""What comes of what decisions have reserved: it is confirmed, or given back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa

from engine.budgets.limits import LimitKind
from engine.budgets.rows import KEY, key_of, locked, of, row_of
from engine.store.bulk import among
from engine.store.tables import budgets, draws


class Settled(Enum):
    """What comes of what was reserved. A customer who was reached keeps the place, whatever they answer.

    The values are the states of what was taken of customers and of money.
    """

    TAKEN = ("confirmed", "confirmed")
    GIVEN_UP = ("confirmed", "freed")
    UNDONE = ("freed", "freed")


def lock(connection: sa.Connection, decisions: Sequence[str]) -> None:
    """Locks the limits that these decisions have taken something of: before their offers are changed."""
    mine = sa.select(*(draws.c[column.name] for column in KEY)).distinct()
    keys = connection.execute(mine.where(among(connection, draws.c.decision_id, decisions))).all()
    locked(connection, {tuple(key): None for key in keys})


def settle(connection: sa.Connection, decisions: Sequence[str], how: Settled) -> None:
    """Confirms or frees what decisions have reserved; what is settled stays so. Their limits are locked."""
    if how is Settled.UNDONE:
        _hand_on(connection, decisions)
    for kind, state in zip((LimitKind.VOLUME, LimitKind.MONEY), how.value, strict=True):
        mine = among(connection, draws.c.decision_id, decisions), draws.c.kind == kind, draws.c.state == "reserved"
        columns = [draws.c[column.name] for column in KEY]
        sums = sa.select(*columns, sa.func.sum(draws.c.amount)).where(*mine).group_by(*columns)
        for *key, amount in sorted(map(tuple, connection.execute(sums))):
            _move(connection, tuple(key), int(amount), state)
        connection.execute(sa.update(draws).where(*mine).values(state=state))


def _move(connection: sa.Connection, key: Any, amount: int, state: str) -> None:
    """From reserved to confirmed or freed."""
    change = {"reserved": budgets.c.reserved - amount, state: budgets.c[state] + amount}
    connection.execute(sa.update(budgets).where(row_of(key)).values(change))


def _hand_on(connection: sa.Connection, decisions: Sequence[str]) -> None:
    """Customers whom another decision has reached in the period keep their place: it is that decision's now."""
    leaving = among(connection, draws.c.decision_id, decisions)
    theirs = leaving, draws.c.kind == LimitKind.VOLUME, draws.c.state == "reserved", draws.c.amount == 1
    for row in connection.execute(sa.select(draws).where(*theirs)).mappings().all():
        key, customer = key_of(row), row["customer_id"]
        others = of(key), draws.c.customer_id == customer, draws.c.state != "freed", ~leaving
        first = sa.select(draws.c.decision_id, draws.c.state).where(*others).order_by(draws.c.decision_id).limit(1)
        if heir := connection.execute(first).first():
            for decision, amount in ((heir.decision_id, 1), (row["decision_id"], 0)):
                one = sa.update(draws).where(of(key), draws.c.decision_id == decision)
                connection.execute(one.values(amount=amount))
            if heir.state != "reserved":
                _move(connection, key, 1, heir.state)
