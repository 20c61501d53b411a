"""Stores for tests: a fresh SQLite file each, and the same on PostgreSQL where the marker `postgres` is selected.

PostgreSQL is a private server started from Debian's binaries: its own folder, a Unix socket and no TCP port, an
unprivileged user where the tests run as root. It is stopped at the end.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

import pytest
from sqlalchemy import make_url

from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.source import Source
from engine.store.schema import upgrade
from engine.store.session import Store, open_store

BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgres)]


class Server:
    """A PostgreSQL server of our own, reached through a Unix socket."""

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self.binaries = binaries
        self.user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="carpe-pg-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self.run("initdb", "-D", self.data, "-U", "carpe", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = f"-c listen_addresses='' -k {self.folder} -c fsync={'on' if durable else 'off'} -c max_connections=40"
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-o", options, "start")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self.binaries / program), *map(str, arguments)]
        if self.user:
            command = ["runuser", "-u", self.user, "--", *command]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{program} failed: {done.stderr or done.stdout}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def make_tables(self, url: str) -> None:
        """Tables in an empty database, copied from one that was migrated once."""
        name = make_url(url).database
        self.execute(f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {self.migrated}")

    @cached_property
    def migrated(self) -> str:
        """The name of a database with tables and no rows."""
        self.execute("CREATE DATABASE migrated")
        upgrade(self.url("migrated"))
        return "migrated"

    def execute(self, *statements: str) -> None:
        psycopg = pytest.importorskip("psycopg")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def url(self, database: str) -> str:
        return f"postgresql://carpe@/{database}?host={self.folder}"

    def stop(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def binaries() -> Path:
    """Where the newest PostgreSQL's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("PostgreSQL's programs are not installed (apt install postgresql)")
    return found[-1].parent


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    server = Server(binaries())
    yield server
    server.stop()


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that does not exist yet or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'carpe.db'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.new_database()


def make_tables(database: Path) -> None:
    """What `upgrade` makes in a new SQLite file, copied from one that was migrated once."""
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_migrated(), database)


@cache
def _migrated() -> Path:
    path = Path(tempfile.mkdtemp(prefix="carpe-tests-")) / "migrated.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def store(request: pytest.FixtureRequest, database_url: str) -> Iterator[Store]:
    """A store with tables and no rows."""
    url = make_url(database_url)
    if url.drivername == "sqlite":
        make_tables(Path(str(url.database)))
    else:
        request.getfixturevalue("postgresql").make_tables(database_url)
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """A catalog with every type of attribute."""
    path = Path(__file__).parent / "mappings" / "shop_catalog.yaml"
    catalog, diagnostics = read_catalog(Source(path.name, path.read_text()))
    assert catalog is not None, [each.message for each in diagnostics]
    return catalog


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many comparisons the differential tests made, from whichever process made them."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "comparisons":
                terminalreporter.write_line(f"{value:,} rule-row comparisons: {report.nodeid.rpartition('::')[2]}")
