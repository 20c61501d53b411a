"""How much is known of the customers and subscriptions there are: counts of values that are there."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, Text, cast, func, select, text

from engine.store.session import Store
from engine.store.tables import customers, subscriptions
from engine.store.zones import Fallback

_TABLES = {"customer": customers, "subscription": subscriptions}
_COLUMNS = frozenset({"id", "currency", "addons", "tags"})
"""What every row has."""


class StoredStatistics:
    """Counts from the store, each made once. A key inside a document can only be an attribute: quotes are escaped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = lru_cache(self._count_rows)
        self._known = lru_cache(self._count_known)

    def share_known(self, key: str) -> float | None:
        """The share of rows, 0 to 1, that have a value; None where there are no rows or no such attribute."""
        missing, (owner, _, _) = self.missing(key), key.partition(".")
        rows = self._rows(owner) if missing is not None else 0
        return (rows - missing) / rows if missing is not None and rows else None

    def missing(self, key: str) -> int | None:
        """How many rows have no value for `customer.country`; None for what is not stored in a row."""
        owner, _, name = key.partition(".")
        if owner not in _TABLES:
            return None
        return 0 if name in _COLUMNS else self._rows(owner) - self._known(owner, name)

    def _count_rows(self, owner: str) -> int:
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(_TABLES[owner])).scalar_one()

    def _count_known(self, owner: str, name: str) -> int:
        table = _TABLES[owner]
        known = cast(table.c.attributes, Text).contains(f'"{name}":', autoescape=True)
        if name == "timezone":
            known = table.c.timezone.is_not(None)
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(table).where(known)).scalar_one()


def zone_fallbacks(connection: Connection) -> dict[Fallback, int]:
    """How many customers live by another time zone than their own, by the reason for it (MISSING, INVALID).

    Read from an index of just these, asked for in its own words.
    """
    missing = customers.c.timezone.is_(None)
    counts = select(func.count().filter(missing), func.count()).where(text("timezone IS NULL OR timezone <> zone"))
    none, either = connection.execute(counts.select_from(customers)).one()
    return {Fallback.MISSING: none, Fallback.INVALID: either - none}
