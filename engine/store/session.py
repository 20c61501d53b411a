"""The store: its transactions, reading and writing, and how it is opened.

One writer at a time in a process (in turns), one among processes (SQLite's own, waited for `BUSY_SECONDS`;
PostgreSQL locks rows).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, Engine

from engine.errors import DatabaseMissing
from engine.store.engines import make_engine, read_url, told_in_words
from engine.store.schema import require_current
from engine.store.turns import Turns


class Store:
    """A database that is up to date with this version of Carpe."""

    def __init__(self, engine: Engine, columns: Path | None = None) -> None:
        self._engine = engine
        self.columns = columns  # the folder of columnar snapshots; None where none are kept
        self._writer = Turns() if engine.dialect.name == "sqlite" else nullcontext()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @property
    def url(self) -> str:
        """Where the database is, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database, in which the database itself refuses every write."""
        with told_in_words(), self._engine.connect() as connection:
            connection = connection.execution_options(carpe_access="read", carpe_columns=self.columns)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back whole on any exception."""
        with told_in_words(), self._writer, self._engine.connect() as connection:
            connection = connection.execution_options(carpe_access="write", carpe_columns=self.columns)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


def open_store(url: str, columns: Path | None = None) -> Store:
    """The store at a URL such as `sqlite:///carpe.db` or `postgresql://carpe@localhost/carpe`.

    `columns` is the folder of its columnar snapshots. Without it a SQLite database has one beside its file, and a
    PostgreSQL database none.

    Raises a StoreError of one sentence where there is no database, or where its tables are not this version's.
    """

    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise DatabaseMissing(
            f"There is no database at {parsed.database}: `carpe init` or `carpe db upgrade` makes one."
        )
    if columns is None and parsed.get_backend_name() == "sqlite":
        columns = Path(f"{parsed.database}.columns")
    store = Store(make_engine(parsed), columns)
    try:
        with store.read() as connection:
            require_current(connection)
    except BaseException:
        store.close()
        raise
    return store
