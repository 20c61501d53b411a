"""The two databases of the torture, and what may happen to one: locked by somebody, restarted, no room on its disk."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from engine.store.sqlite_driver import DRIVER
from engine.store.tables import leases
from tests.conftest import Server, binaries, make_tables

LOCKED = 3.0
"""Seconds for which somebody else locks the database."""


class Database(Protocol):
    url: str
    is_server: bool

    def holder(self) -> tuple[int, int] | None:
        """Who holds the lease, its process id and token; None where it cannot be said now."""

    def lock(self, turn: int) -> None:
        """Lock it for `LOCKED` seconds."""

    def restart(self) -> None:
        """Restart the server as a power cut would."""

    def fill(self, processes: Iterable[int], full: bool) -> None:
        """Let no file grow that these processes write, or let them again."""

    def close(self) -> None: ...


def _holder(engine: sa.Engine) -> tuple[int, int] | None:
    with suppress(sa.exc.SQLAlchemyError), engine.connect() as connection:
        row = connection.execute(sa.select(leases.c.holder, leases.c.token)).one_or_none()
        if row and row.holder:
            return int(row.holder.partition("-")[0]), row.token
    return None


class SQLite:
    """A file."""

    is_server = False

    def __init__(self, folder: Path) -> None:
        self._file = folder / "carpe.db"
        make_tables(self._file)
        self.url = f"sqlite:///{self._file}"
        self._monitor = sa.create_engine(self.url, connect_args={"timeout": 0.2})

    def holder(self) -> tuple[int, int] | None:
        return _holder(self._monitor)

    def lock(self, turn: int) -> None:
        connection = DRIVER.connect(self._file, timeout=30, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(LOCKED)
        connection.execute("ROLLBACK")
        connection.close()

    def restart(self) -> None:
        raise NotImplementedError("a file has no server")

    def fill(self, processes: Iterable[int], full: bool) -> None:
        """The limit on a file's size is that of the database as it is: it may be written over, not grow."""
        limit = self._file.stat().st_size if full else resource.RLIM_INFINITY
        for process in processes:
            with suppress(ProcessLookupError):
                resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def close(self) -> None:
        self._monitor.dispose()


class PostgreSQL:
    """A private server. Its disk cannot be filled without one of its own, which needs a mount."""

    is_server = True
    TABLES = ("decisions", "leases", "events", "customers", "batches", "deliveries")

    def __init__(self) -> None:
        self._server = Server(binaries())
        self.url = self._server.new_database()
        self._server.make_tables(self.url)
        self._driver_url = self.url.replace("postgresql://", "postgresql+psycopg://")
        self._monitor = sa.create_engine(
            self._driver_url, connect_args={"options": "-c lock_timeout=200"}, pool_pre_ping=True
        )

    def holder(self) -> tuple[int, int] | None:
        return _holder(self._monitor)

    def lock(self, turn: int) -> None:
        """One table a time: who locks several could lock himself out, and that would be his own mistake."""
        engine = sa.create_engine(self._driver_url)
        with suppress(sa.exc.SQLAlchemyError), engine.begin() as connection:  # the server may be restarted meanwhile
            connection.exec_driver_sql(f"LOCK TABLE {self.TABLES[turn % len(self.TABLES)]} IN ACCESS EXCLUSIVE MODE")
            time.sleep(LOCKED)
        engine.dispose()

    def restart(self) -> None:
        server = self._server
        server.run("pg_ctl", "-D", server.data, "-l", server.folder / "log", "-m", "immediate", "-w", "restart")

    def fill(self, processes: Iterable[int], full: bool) -> None:
        raise NotImplementedError("its disk is that of the machine")

    def close(self) -> None:
        self._monitor.dispose()
        self._server.stop()
