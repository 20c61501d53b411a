"""Small facts that the store keeps about itself, by key."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from engine.store.inserts import insert
from engine.store.tables import meta


def get_meta(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def get_several(connection: Connection, *keys: str) -> dict[str, str]:
    """The facts that are there, in one question."""
    rows = connection.execute(select(meta).where(meta.c.key.in_(keys)))
    return {row.key: row.value for row in rows}


def set_meta(connection: Connection, key: str, value: str) -> None:
    statement = insert(connection, meta).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def raise_meta(connection: Connection, key: str, value: str) -> None:
    """Set a fact unless it is larger already; texts of one length, such as instants, compare as they should."""
    statement = insert(connection, meta).values(key=key, value=value)
    larger = statement.excluded.value > meta.c.value
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}, where=larger))


def drop_meta(connection: Connection, key: str) -> None:
    connection.execute(delete(meta).where(meta.c.key == key))
