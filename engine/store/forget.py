"""Erasing a person: nothing that tells who they were stays, what was counted does.

Deleted: the customer, their subscriptions, both histories, dates, events, readings, which arms of experiments they were
in, what waits for the billing system, and that they were not to be written to (an address stays on that list, as its
hash). Emptied: receipts, quotes, and the contents of deliveries (a pending one is withheld). In decisions, deliveries,
offers, draws on budgets and exposures the ids of the person and of their subscriptions are replaced by random tokens,
one each, that lead back to nobody, also where the name of a meter's crossing begins with one; results, rules and days
stay for the reports. Offers that stand are withdrawn first (`engine.offers.withdrawing.withdraw_customer`).

Once only: a decision's own id is a one-way hash of rule, moment, subject and occurrence; it stays. If the same customer
id is imported again later it is a new person, without a past; yet what was decided for that id and period finds its
key taken, so nobody is congratulated on one birthday twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, func, or_, select, tuple_, union, update

from engine.store.crossings import SOURCE
from engine.store.forget_offers import forget_offers, rename_offers
from engine.store.snapshot.journal import join, restart
from engine.store.snapshot.shard_file import folder_of, remove_file
from engine.store.tables import (
    assignments,
    customers,
    customers_history,
    dates,
    decisions,
    delayed,
    deliveries,
    events,
    moves,
    readings,
    receipts,
    subscriptions,
    subscriptions_history,
    suppressions,
)
from engine.store.zones import shard_of


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows erased or emptied, by table; all zero where nobody of that id was known."""

    counts: dict[str, int]

    @property
    def found(self) -> bool:
        return any(self.counts.values())


def new_token() -> str:
    return f"forgotten-{secrets.token_hex(12)}"


def forget(connection: Connection, customer_id: str, token: Callable[[], str] = new_token) -> Forgotten:
    """Erases a person in the transaction of the connection. `token` makes each id that takes the place of theirs."""
    _leave_columns(connection, shard_of(customer_id))
    overwrite_deleted(connection)
    held = select(subscriptions.c.id).where(subscriptions.c.customer_id == customer_id)
    theirs = select(decisions.c.id).where(decisions.c.customer_id == customer_id)
    theirs_dates = or_(
        and_(dates.c.owner == "customer", dates.c.subject == customer_id),
        and_(dates.c.owner == "subscription", dates.c.subject.in_(held)),
    )
    counts = {
        "receipts": _count(connection, update(receipts).where(receipts.c.decision_id.in_(theirs)).values(body={})),
        "deliveries": _empty_deliveries(connection, customer_id),
        **forget_offers(connection, customer_id),
        "assignments": _delete(connection, assignments.c.customer_id, customer_id),
        "suppressions": _count(connection, delete(suppressions).where(_is(customer_id))),
        "moves": _delete(connection, moves.c.customer_id, customer_id),
        "delayed": _count(connection, delete(delayed).where(_of_events(customer_id))),
        "events": _count(connection, delete(events).where(events.c.customer_id == customer_id)),
        "readings": _count(connection, delete(readings).where(readings.c.subscription_id.in_(held))),
        "dates": _count(connection, delete(dates).where(theirs_dates)),
        "subscriptions_history": _delete(connection, subscriptions_history.c.customer_id, customer_id),
        "customers_history": _delete(connection, customers_history.c.id, customer_id),
        "subscriptions": _delete(connection, subscriptions.c.customer_id, customer_id),
        "customers": _delete(connection, customers.c.id, customer_id),
        "decisions": _rename(connection, customer_id, token),
    }
    return Forgotten(counts)


def _leave_columns(connection: Connection, shard: int) -> None:
    """The shard's columns hold the person, its journal the id: both go, a later pass makes the columns again."""
    if join(connection):
        restart(connection, [shard])
        if folder := folder_of(connection):
            remove_file(folder, shard)


def overwrite_deleted(connection: Connection) -> None:
    """SQLite leaves deleted rows readable in the file's free pages unless told otherwise."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _count(connection: Connection, statement: Any) -> int:
    return int(connection.execute(statement).rowcount)


def _delete(connection: Connection, column: Column[Any], key: str) -> int:
    return _count(connection, delete(column.table).where(column == key))


def _is(customer_id: str) -> ColumnElement[bool]:
    """On the list of those who are not to be written to."""
    return and_(suppressions.c.kind == "customer", suppressions.c.who == customer_id)


def _of_events(customer_id: str) -> ColumnElement[bool]:
    """The marks of a person's events."""
    theirs = select(events.c.source, events.c.id).where(events.c.customer_id == customer_id)
    return tuple_(delayed.c.source, delayed.c.event_id).in_(theirs)


def _empty_deliveries(connection: Connection, customer_id: str) -> int:
    mine = deliveries.c.customer_id == customer_id
    withheld = update(deliveries).where(mine, deliveries.c.state == "pending")
    connection.execute(withheld.values(state="withheld", reason="forgotten", claimed_until=None))
    return _count(connection, update(deliveries).where(mine).values(content={}))


def _rename(connection: Connection, customer_id: str, token: Callable[[], str]) -> int:
    """Tokens in the place of the person's id, and of every id that their decisions were about."""
    mine = decisions.c.customer_id == customer_id
    about = union(*(select(column).where(mine) for column in (decisions.c.subject, decisions.c.subscription_id)))
    keys = {customer_id, *filter(None, connection.execute(about).scalars())}
    tokens = {key: token() for key in sorted(keys)}
    for column in (decisions.c.subject, decisions.c.subscription_id):
        for key, anonymous in tokens.items():
            connection.execute(update(decisions).where(mine, column == key).values({column: anonymous}))
    for key, anonymous in tokens.items():
        _rename_crossings(connection, mine, key, anonymous)
    anonymous = tokens[customer_id]
    rename_offers(connection, customer_id, tokens)
    connection.execute(update(deliveries).where(deliveries.c.customer_id == customer_id).values(customer_id=anonymous))
    return _count(connection, update(decisions).where(mine).values(customer_id=anonymous))


def _rename_crossings(connection: Connection, mine: ColumnElement[bool], key: str, anonymous: str) -> None:
    """The occurrences that `readings` names after a subscription: `usage_alert:meter:SUBSCRIPTION:usage_alert:...`."""
    named = f":{SOURCE}:{key}:"
    crossing = and_(mine, decisions.c.occurrence.contains(named, autoescape=True))
    renamed = func.replace(decisions.c.occurrence, named, f":{SOURCE}:{anonymous}:")
    connection.execute(update(decisions).where(crossing).values(occurrence=renamed))
