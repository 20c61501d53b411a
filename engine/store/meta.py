"""Small facts that the store keeps about itself, by key."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from engine.store.tables import meta


def get_meta(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def set_meta(connection: Connection, key: str, value: str) -> None:
    connection.execute(delete(meta).where(meta.c.key == key))
    connection.execute(insert(meta).values(key=key, value=value))
