"""The clock of the database: one for all processes that work on it, however wrong their own are.

The one file that asks a database for the time. What is decided never depends on it; who may work does, and processes
on several machines must agree about that.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

_UNIX_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_JULIAN = 2440587.5  # the Julian day number of the Unix epoch


def database_now(connection: sa.Connection) -> dt.datetime:
    """The instant at which the statement runs (not its transaction's start), in UTC, to about a millisecond."""
    if connection.dialect.name == "postgresql":
        told: dt.datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        return told.astimezone(dt.UTC)
    days: float = connection.execute(sa.text("SELECT julianday('now')")).scalar_one()
    return _UNIX_EPOCH + dt.timedelta(days=days - _EPOCH_JULIAN)
