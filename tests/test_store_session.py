"""Transactions of the store, and what it says when the database's condition is at fault."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine.errors import (
    CarpeError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseReadOnly,
    DatabaseUnwritable,
    DriverMissing,
    StoreError,
    UnknownDatabase,
)
from engine.store import engines
from engine.store.engines import read_url
from engine.store.meta import get_meta, set_meta
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.sqlite_driver import DRIVER


def test_a_write_is_kept_and_read(store: Store) -> None:
    with store.write() as connection:
        set_meta(connection, "colour", "blue")
        set_meta(connection, "colour", "green")
    with store.read() as connection:
        assert get_meta(connection, "colour") == "green"
        assert get_meta(connection, "shape") is None


def test_an_exception_rolls_everything_back(store: Store) -> None:
    def stop() -> None:
        with store.write() as connection:
            set_meta(connection, "colour", "blue")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop()
    with store.read() as connection:
        assert get_meta(connection, "colour") is None


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(DatabaseReadOnly), store.read() as connection:
        set_meta(connection, "colour", "blue")
    with store.write() as connection:  # the same pooled connection writes again
        set_meta(connection, "colour", "red")
    with pytest.raises(DatabaseReadOnly), store.read() as connection:
        connection.execute(text("CREATE TABLE mine (a integer)"))


def test_a_reader_sees_one_state(store: Store) -> None:
    if store.dialect == "sqlite":
        pytest.skip("a rollback journal makes the writer wait for readers instead")
    with store.read() as reader:
        assert get_meta(reader, "colour") is None
        with store.write() as writer:
            set_meta(writer, "colour", "blue")
        assert get_meta(reader, "colour") is None


def test_writers_take_turns(store: Store) -> None:
    """Each adds one to a number that it read: with two at a time some would be lost."""
    with store.write() as connection:
        set_meta(connection, "count", "0")

    def add() -> None:
        for _ in range(10):
            with store.write() as connection:
                if store.dialect == "postgresql":
                    connection.execute(text("LOCK TABLE meta IN EXCLUSIVE MODE"))
                set_meta(connection, "count", str(int(get_meta(connection, "count") or 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert get_meta(connection, "count") == "40"


def test_foreign_keys_hold(store: Store) -> None:
    columns = "(id, customer_id, currency, addons, attributes, valid_from, recorded_at)"
    values = "('s', 'nobody', 'USD', '[]', '{}', '2026-01-01', '2026-01-01')"
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text(f"INSERT INTO subscriptions {columns} VALUES {values}"))


def test_a_value_that_reads_like_a_condition_is_none(store: Store) -> None:
    """Drivers quote the values of a broken constraint."""
    statement = text("INSERT INTO meta (key, value) VALUES ('disk is full', 'database is locked')")
    with store.write() as connection:
        connection.execute(statement)
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(f"sqlite:///{tmp_path / 'carpe.db'}")
    return tmp_path / "carpe.db"


def test_sqlite_is_set_up_to_lose_nothing(path: Path) -> None:
    with open_store(f"sqlite:///{path}").read() as connection:

        def pragma(name: str) -> object:
            return connection.execute(text(f"PRAGMA {name}")).scalar()

        assert pragma("synchronous") == 2  # FULL
        assert pragma("foreign_keys") == 1
        assert pragma("journal_mode") == ("wal" if DRIVER.sqlite_version_info >= (3, 51, 3) else "truncate")


def test_a_locked_database_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0)
    store = open_store(f"sqlite:///{path}")
    other = DRIVER.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked, match="another program"), store.write():
        pass
    other.execute("ROLLBACK")
    with store.write() as connection:
        set_meta(connection, "colour", "blue")


def test_a_full_disk_is_one_sentence_and_keeps_nothing(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")

    def fill() -> None:
        with store.write() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar()
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            for key in range(100):
                set_meta(connection, str(key), "x" * 4000)

    with pytest.raises(DatabaseFull, match="make room"):
        fill()
    with store.read() as connection:
        assert get_meta(connection, "0") is None


def test_a_file_that_may_not_grow_is_one_sentence_and_keeps_nothing(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def grow() -> None:
        with store.write() as connection:
            for key in range(100):
                set_meta(connection, str(key), "x" * 4000)

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
        with pytest.raises(DatabaseUnwritable, match=r"^The disk failed"):
            grow()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with store.read() as connection:
        assert get_meta(connection, "0") is None


def test_a_read_only_file_is_one_sentence(path: Path) -> None:
    script = """
import sys
from engine.store.meta import set_meta
from engine.store.session import open_store
store = open_store(sys.argv[1])
try:
    with store.write() as connection:
        set_meta(connection, "colour", "blue")
except Exception as error:
    print(type(error).__name__)
"""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    command = [sys.executable, "-c", script, f"sqlite:///{path}"]
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path.parent.chmod(0o755)
    assert done.stdout.strip() == "DatabaseReadOnly", done.stderr


def test_a_missing_file_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="carpe init"):
        open_store(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "photo.db"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{file}")


@pytest.mark.parametrize(
    "url", ["carpe.db", "", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "nonsense://"]
)
def test_a_url_that_names_no_database_of_ours(url: str) -> None:
    with pytest.raises(UnknownDatabase) as told:
        read_url(url)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_driver_of_postgresql_is_ours(scheme: str) -> None:
    assert read_url(f"{scheme}://me@there/carpe").drivername == "postgresql+psycopg"


def test_a_missing_driver_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing, match=r"pip install 'carpe\[postgres\]'"):
        open_store("postgresql://me@there/carpe")


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="does not answer"):
        open_store(f"postgresql://me@/carpe?host={tmp_path}")


def test_postgresql_sessions_are_ours(store: Store) -> None:
    if store.dialect != "postgresql":
        pytest.skip("settings of PostgreSQL")
    with store.read() as connection:
        shown = {
            name: connection.execute(text(f"SHOW {name}")).scalar() for name in ("jit", "application_name", "timezone")
        }
    assert shown == {"jit": "off", "application_name": "carpe", "timezone": "UTC"}


def test_every_error_says_something_by_itself() -> None:
    def all_of(kind: type[CarpeError]) -> set[type[CarpeError]]:
        return {kind}.union(*(all_of(each) for each in kind.__subclasses__() if each.__module__ == "engine.errors"))

    for kind in all_of(CarpeError):
        assert str(kind()).endswith(".")
        assert "\n" not in str(kind())
