"""The key that signs sessions: from the settings, else made once and kept with the data."""

from __future__ import annotations

import secrets

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from engine.store.session import Store
from engine.store.tables import meta

_KEY = "web.secret"


def session_secret(store: Store, given: str | None) -> str:
    """`given`, or the secret of this store: every process that serves it signs with the same one."""
    if given:
        return given
    try:
        with store.write() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar_one_or_none()
            secret = str(found or secrets.token_urlsafe(32))
            if not found:
                connection.execute(insert(meta).values(key=_KEY, value=secret))
            return secret
    except IntegrityError:  # another process made it between our look and our write
        with store.read() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar_one())
