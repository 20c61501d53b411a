"""Meters as the store knows them: whose each is, its latest reading, and the changes of one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Select, select

from engine.store.bulk import among, instant_text, run_many
from engine.store.inserts import insert_values
from engine.store.tables import customers, readings, subscriptions

Key = tuple[str, str]
"""The id of a subscription and the name of a meter."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter of a subscription had counted at an instant, in the meter's unit."""

    subscription_id: str
    meter: str
    read_at: dt.datetime
    used: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a meter's quota and its billing periods go by: `attributes` and `addons` in stored form."""

    customer_id: str
    zone: str
    addons: Sequence[str]
    attributes: Mapping[str, Any]

    @property
    def plan(self) -> object:
        return self.attributes.get("plan")


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading as it is kept: in the meter's unit, with the quota of its time where there was one."""

    read_at: dt.datetime
    used: float
    quota: float | None


class Meters:
    """The meters that a batch speaks of. Reads the database when made; `put` is remembered until `write`."""

    def __init__(self, connection: Connection, batch: Iterable[Reading]) -> None:
        self._connection = connection
        named: dict[str, set[str]] = {}
        for one in batch:
            named.setdefault(one.meter, set()).add(one.subscription_id)
        self._subscriptions = _subscriptions(connection, sorted(set().union(*named.values())))
        self._latest: dict[Key, Kept] = {}
        for meter, ids in named.items():
            found = latest_readings(connection, meter, sorted(ids))
            self._latest |= {(key, meter): kept for key, kept in found.items()}
        self._stored = {key: kept.read_at for key, kept in self._latest.items()}
        self._before: dict[Key, Kept] = {}
        self._changed: dict[tuple[str, str, dt.datetime], Kept] = {}

    def subscription(self, key: str) -> Subscription | None:
        return self._subscriptions.get(key)

    def held(self, key: str) -> Subscription:
        """The same of one that is known."""
        return self._subscriptions[key]

    def latest(self, subscription: str, meter: str) -> Kept | None:
        return self._latest.get((subscription, meter))

    def before_latest(self, subscription: str, meter: str) -> Kept | None:
        """The reading before the latest; asked of the database for the few that are corrected."""
        key = subscription, meter
        if self._stored.get(key) != self._latest[key].read_at:  # made by this batch
            return self._before.get(key)
        return latest_readings(self._connection, meter, [subscription], skip=1).get(subscription)

    def put(self, subscription: str, meter: str, kept: Kept) -> None:
        """A new latest reading, or the latest corrected."""
        key = subscription, meter
        if key in self._latest and self._latest[key].read_at != kept.read_at:
            self._before[key] = self._latest[key]
        self._latest[key] = kept
        self._changed[subscription, meter, kept.read_at] = kept

    def write(self, connection: Connection, now: dt.datetime) -> None:
        """Insert what is new and update what is corrected."""
        corrected, new = [], []
        for (subscription, meter, read_at), kept in self._changed.items():
            if self._stored.get((subscription, meter)) == read_at:
                corrected.append((kept.used, instant_text(now), subscription, meter, instant_text(read_at)))
            else:
                row = {"subscription_id": subscription, "meter": meter, "read_at": read_at}
                new.append(row | {"used": kept.used, "quota": kept.quota, "recorded_at": now})
        this = "subscription_id = ? AND meter = ? AND read_at = ?"
        run_many(connection, f"UPDATE readings SET used = ?, recorded_at = ? WHERE {this}", corrected)
        insert_values(connection, readings, new)


def _subscriptions(connection: Connection, ids: Sequence[str]) -> dict[str, Subscription]:
    columns = (subscriptions.c.customer_id, customers.c.zone, subscriptions.c.addons, subscriptions.c.attributes)
    joined = subscriptions.join(customers, customers.c.id == subscriptions.c.customer_id)
    query = select(subscriptions.c.id, *columns).select_from(joined)
    found = connection.execute(query.where(among(connection, subscriptions.c.id, ids)))
    return {row[0]: Subscription(*row[1:]) for row in (tuple(each) for each in found)}


def latest_readings(connection: Connection, meter: str, ids: Sequence[str], *, skip: int = 0) -> dict[str, Kept]:
    """The latest reading of a meter for each of these subscriptions that has one; with `skip`, so many before it.

    Each value is a look into the index of its own, so that it costs the same however long a meter has been read.
    """
    newest = select(readings).where(readings.c.subscription_id == subscriptions.c.id, readings.c.meter == meter)
    newest = newest.order_by(readings.c.read_at.desc()).limit(1).offset(skip)
    values = (_one(newest, name) for name in ("read_at", "used", "quota"))
    query = select(subscriptions.c.id, *values).where(among(connection, subscriptions.c.id, ids))
    return {row[0]: Kept(*row[1:]) for row in connection.execute(query) if row[1] is not None}


def _one(newest: Select[Any], name: str) -> ScalarSelect[Any]:
    return newest.with_only_columns(readings.c[name]).scalar_subquery()
