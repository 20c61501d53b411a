"""The book of budgets: what is left of each limit, and what decisions take of it.

A decision's transaction opens the limits of the rules that have candidates, once: from then until it ends no other
transaction decides by the same limits (on PostgreSQL their rows are locked; SQLite has one writer). It allots by what
is left and writes what was taken, so limits hold exactly, and the lock is as short as the writing. Rows are locked in
the order of their keys, and before any offer, so that transactions never wait in a circle.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from engine.budgets.candidates import Ints, Room
from engine.budgets.limits import Limit, LimitKind
from engine.budgets.rows import KEY, Key, key_of, locked, of, row_of
from engine.store.bulk import among
from engine.store.inserts import insert, insert_values
from engine.store.tables import budgets, draws

_NOBODYS = -1
"""The code of a currency that no candidate has."""


class LimitExceeded(RuntimeError):
    """More was taken of a limit than was left of it; the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class OpenLimit:
    """A limit in its present period, which begins on a day of the ruleset's zone."""

    limit: Limit
    starts_on: dt.date
    left: int  # negative where the limit was lowered meanwhile

    @property
    def key(self) -> Key:
        return self.limit.rule, self.limit.kind, self.limit.period, self.limit.currency, self.starts_on


@dataclass(frozen=True, slots=True)
class Taking:
    """A decision that won: what it takes of the limits of its rule. `cost` in minor units of `currency`."""

    decision_id: str
    rule: str
    customer_id: str
    currency: str | None = None
    cost: int = 0


def open_limits(
    connection: sa.Connection, limits: Iterable[Limit], now: dt.datetime, zone: str
) -> tuple[OpenLimit, ...]:
    """Locks the limits in their present periods and says what is left. Once a transaction, and before any offer."""
    found = {}
    for limit in sorted(limits):
        one = OpenLimit(limit, limit.period.start(now, zone), 0)
        found[one.key] = one
    if not found:
        return ()
    columns = [column.name for column in KEY]
    nothing = {"reserved": 0, "confirmed": 0, "freed": 0}
    rows = [dict(zip(columns, key, strict=True)) | nothing | {"most": one.limit.most} for key, one in found.items()]
    connection.execute(insert(connection, budgets).on_conflict_do_nothing(), rows)
    used = locked(connection, found)
    return tuple(OpenLimit(one.limit, one.starts_on, one.limit.most - used[key]) for key, one in found.items())


def rooms(
    connection: sa.Connection,
    opened: Sequence[OpenLimit],
    rules: Mapping[str, int],
    currencies: Mapping[str, int],
    customers: Sequence[str],
) -> list[Room]:
    """What `allot` is told of the limits that are open, one each, in their order.

    `rules` and `currencies` are the codes of the candidates' names, `customers` the names in the order of their codes.
    """
    places = counted(connection, opened, customers)
    return [
        Room(
            rules[one.limit.rule],
            one.left,
            None if one.limit.kind is LimitKind.VOLUME else currencies.get(one.limit.currency, _NOBODYS),
            known,
        )
        for one, known in zip(opened, places, strict=True)
    ]


def counted(connection: sa.Connection, opened: Sequence[OpenLimit], customers: Sequence[str]) -> list[Ints]:
    """For each open limit the places (in `customers`) of those who have theirs in the period; none for money."""
    place = {customer: number for number, customer in enumerate(customers)}
    found = []
    for one in opened:
        known: list[str] = []
        if one.limit.kind is LimitKind.VOLUME:
            theirs = among(connection, draws.c.customer_id, customers)
            query = sa.select(draws.c.customer_id).distinct().where(of(one.key), draws.c.state != "freed", theirs)
            known = list(connection.scalars(query))
        found.append(np.array(sorted(place[customer] for customer in known), np.int64))
    return found


def reserve(connection: sa.Connection, opened: Sequence[OpenLimit], takings: Sequence[Taking]) -> None:
    """Writes what decisions take of the limits that this transaction opened. The decisions are written before.

    Raises LimitExceeded where that is more than is left.
    """
    by_rule: dict[str, list[OpenLimit]] = {}
    for one in opened:
        by_rule.setdefault(one.limit.rule, []).append(one)
    customers = sorted({taking.customer_id for taking in takings})
    places = zip(opened, counted(connection, opened, customers), strict=True)
    met = {one.key: {customers[place] for place in known.tolist()} for one, known in places}
    rows = [row for taking in takings for one in by_rule.get(taking.rule, ()) if (row := _draw(one, taking, met))]
    insert_values(connection, draws, rows)
    amounts: Counter[Key] = Counter()
    for row in rows:
        amounts[key_of(row)] += row["amount"]
    for one in opened:
        _take(connection, one, amounts[one.key])


def _draw(one: OpenLimit, taking: Taking, met: Mapping[Key, set[str]]) -> dict[str, Any] | None:
    """The row of one decision and limit; None where it has nothing to do with it."""
    if one.limit.kind is LimitKind.MONEY:
        amount = taking.cost if taking.currency == one.limit.currency else 0
        if not amount:
            return None
    else:
        amount = int(taking.customer_id not in met[one.key])
        met[one.key].add(taking.customer_id)
    rule, kind, period, currency, starts_on = one.key
    return {
        "decision_id": taking.decision_id,
        "rule": rule,
        "kind": kind,
        "period": period,
        "currency": currency,
        "starts_on": starts_on,
        "customer_id": taking.customer_id,
        "amount": amount,
        "state": "reserved",
    }


def _take(connection: sa.Connection, one: OpenLimit, amount: int) -> None:
    if not amount:
        return
    most, used = one.limit.most, budgets.c.reserved + budgets.c.confirmed
    statement = sa.update(budgets).where(row_of(one.key), used + amount <= most)
    taken = connection.execute(statement.values(reserved=budgets.c.reserved + amount, most=most))
    if taken.rowcount != 1:
        raise LimitExceeded(f"{amount} of {one.limit.rule}: {one.limit}")
