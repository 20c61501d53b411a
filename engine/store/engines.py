"""Engines: a database's URL, and connections whose transactions are ours.

SQLite: the driver's own transaction handling is switched off (`isolation_level=None`) and SQLAlchemy's `begin` event
says BEGIN or BEGIN IMMEDIATE, so that a writer takes its lock before it reads. A durable commit is `synchronous=FULL`,
with a write-ahead log where the library's is safe (`sqlite_driver`), else with a rollback journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from engine.errors import (
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnwritable,
    DriverMissing,
    StoreError,
    UnknownDatabase,
)
from engine.store.sqlite_driver import DRIVER, SAFE_WAL, Error

BUSY_SECONDS = 15

_LOG_PAGES = 4_000
"""So long grows a write-ahead log before its pages go to their places, each once: a page of 4 KiB that many commits
changed is written and synced once for all of them."""


def read_url(url: str) -> URL:
    """The parsed URL with the driver we use; raises UnknownDatabase for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownDatabase(
            f"“{url}” names no database: write a URL such as sqlite:///carpe.db or postgresql://user@host/name."
        ) from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise UnknownDatabase("A database in memory cannot be used: name a file, such as sqlite:///carpe.db.")
        return parsed.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise UnknownDatabase(f"Carpe works on SQLite and PostgreSQL, not on {backend}.")


def make_engine(url: URL) -> Engine:
    """An engine with our transactions; it does not look at the tables."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, module=DRIVER, pool_size=8, max_overflow=24)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise DriverMissing() from None
    # jit costs more than it saves on short queries; instants are UTC on both sides.
    options = {"application_name": "carpe", "options": "-c jit=off -c timezone=UTC", "connect_timeout": 10}
    engine = create_engine(url, connect_args=options, pool_pre_ping=True)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _set_up_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA cache_size = -65536")
    raw.execute("PRAGMA temp_store = MEMORY")
    raw.execute(f"PRAGMA journal_mode = {'WAL' if SAFE_WAL else 'TRUNCATE'}")
    raw.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("carpe_access") == "write"
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("carpe_access") != "write":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


@contextmanager
def told_in_words() -> Iterator[None]:
    """Turns the driver's errors about the database's condition into one sentence each."""
    try:
        yield
    except Exception as error:
        text = _driver_text(error)
        told = _sentence(text) if text is not None else None
        if told is None:
            raise
        raise told from error


def _driver_text(error: Exception) -> str | None:
    """What the driver said; bulk statements use its cursor directly, so its own errors come too.

    A broken constraint is never about the database's condition, and quotes values that could read like it.
    """
    inner = error.orig if isinstance(error, DBAPIError) else error
    drivers = isinstance(inner, Error) or type(inner).__module__.startswith("psycopg")
    return str(inner) if drivers and "IntegrityError" not in {kind.__name__ for kind in type(inner).__mro__} else None


# What the drivers' texts contain, and the sentence; `{first}` is the text's first line.
_CONDITIONS: tuple[tuple[tuple[str, ...], Callable[[str], StoreError]], ...] = (
    (("database is locked", "table is locked", "lock timeout"), lambda first: DatabaseLocked()),
    (("readonly database", "read-only transaction"), lambda first: DatabaseReadOnly()),
    (("disk is full", "no space left"), lambda first: DatabaseFull()),
    (("disk i/o error",), lambda first: DatabaseUnwritable()),
    (
        ("unable to open database",),
        lambda first: StoreError("The database file cannot be opened: its folder is missing or may not be read."),
    ),
    (
        ("not a database", "disk image is malformed"),
        lambda first: StoreError(f"The file is not a database that Carpe can read ({first})."),
    ),
    (
        ("connection to server", "connection is bad", "connection failed", "connection timeout"),
        lambda first: StoreError(f"The database server does not answer ({first})."),
    ),
    (
        ("server closed", "terminating connection", "connection is lost", "connection is closed"),
        lambda first: StoreError(f"The database server ended the connection ({first})."),
    ),
)


def _sentence(text: str) -> StoreError | None:
    low = text.lower()
    first = text.strip().partition("\n")[0].rstrip(".")
    for signs, sentence in _CONDITIONS:
        if any(sign in low for sign in signs):
            return sentence(first)
    return None
