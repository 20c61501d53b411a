"""The end of offers that nobody answered: what Carpe itself does to them, several at once.

Every end is one conditional update: an offer that somebody answers at the same moment ends once, by whoever was first.
What its budget had reserved is given back, and messages about it that have not left do not leave any more.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from engine.budgets.settling import Settled, lock, settle
from engine.offers.making import count
from engine.offers.states import State, sources
from engine.store.bulk import among
from engine.store.inserts import insert_values
from engine.store.tables import deliveries, offer_changes, offers

CARPE = "carpe"
"""Who changes an offer when nobody asked for it."""


def end_offers(
    connection: sa.Connection,
    ids: Sequence[str],
    to: State,
    now: dt.datetime,
    *,
    by: str = CARPE,
    reason: str | None = None,
    settled: Settled = Settled.GIVEN_UP,
) -> tuple[str, ...]:
    """Ends those of the offers that are live: their ids, sorted. Of offers that lapse, those whose time is up."""
    if not ids:
        return ()
    hold(connection, ids)
    due = [offers.c.expires_at <= now] if to is State.LAPSED else []
    state_at = offers.c.expires_at if to is State.LAPSED else sa.bindparam("state_at", now, offers.c.state_at.type)
    statement = sa.update(offers).where(among(connection, offers.c.id, ids), offers.c.state.in_(sources(to)), *due)
    returned = statement.values(state=to, state_at=state_at).returning(offers.c.id, offers.c.product, offers.c.segment)
    ended = sorted(map(tuple, connection.execute(returned)))
    if not ended:
        return ()
    keys = tuple(str(key) for key, _, _ in ended)
    note(connection, keys, to, now, by=by, reason=reason)
    settle(connection, keys, settled)
    stop_deliveries(connection, keys, to, now)
    if to is State.WITHDRAWN:
        shown = Counter((product, segment, "shown") for _, product, segment in ended)
        count(connection, {key: -number for key, number in shown.items()})
    return keys


def hold(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Locks what several offers have reserved, then the offers, in the order of their ids: nobody waits in a circle."""
    lock(connection, ids)
    theirs = sa.select(offers.c.id).where(among(connection, offers.c.id, ids)).order_by(offers.c.id)
    connection.execute(theirs.with_for_update()).all()


def note(
    connection: sa.Connection, ids: Sequence[str], to: State, now: dt.datetime, *, by: str, reason: str | None
) -> None:
    """Keeps what happened to offers, without a key."""
    rows = [{"offer_id": key, "state": to, "at": now, "by": by, "reason": reason} for key in ids]
    insert_values(connection, offer_changes, rows)


def stop_deliveries(connection: sa.Connection, ids: Sequence[str], to: State, now: dt.datetime) -> None:
    """Withholds what waits to present offers that are over; what a worker is sending just now is left to it."""
    free = sa.or_(deliveries.c.claimed_until.is_(None), deliveries.c.claimed_until <= now)
    waiting = among(connection, deliveries.c.decision_id, ids), deliveries.c.state == "pending", free
    over = {"state": "withheld", "reason": f"the offer was {to}" if to is not State.LAPSED else "the offer lapsed"}
    connection.execute(sa.update(deliveries).where(*waiting).values(**over, finished_at=now, claimed_until=None))
