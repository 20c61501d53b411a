"""Migrations on an empty database make the tables that the code describes, from anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from engine.errors import DatabaseMissing, DatabaseOutdated, DatabaseTooNew
from engine.store.engines import make_engine, read_url
from engine.store.schema import newest, upgrade, upgrade_connection, version
from engine.store.session import Store, open_store
from engine.store.tables import metadata


def test_migrations_equal_the_tables(store: Store) -> None:
    with store.read() as connection:
        dialect = store.dialect

        def is_ours(described: Any, *_: Any) -> bool:
            """Alembic knows nothing of indexes that one database alone has (`ddl_if`)."""
            return described.info.get("only", dialect) == dialect

        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_ours})
        assert compare_metadata(context, metadata) == []


def test_the_indexes_are_the_same_in_detail(store: Store) -> None:
    """Alembic compares neither the conditions of partial indexes nor WITHOUT ROWID: made both ways, texts are equal."""
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL's catalog is compared by Alembic alone")
    query = text("SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version' AND sql IS NOT NULL")
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        described = {name: " ".join(sql.split()) for name, sql in connection.execute(query)}
    with store.read() as connection:
        migrated = {name: " ".join(sql.split()) for name, sql in connection.execute(query)}
    assert migrated.keys() == described.keys()
    for name, sql in described.items():
        assert ("WITHOUT ROWID" in migrated[name]) == ("WITHOUT ROWID" in sql), name
        assert migrated[name].partition(" WHERE ")[2] == sql.partition(" WHERE ")[2], name


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url) == (None, newest())
    assert upgrade(database_url) == (newest(), newest())


def test_a_failed_upgrade_leaves_an_empty_database(database_url: str) -> None:
    engine = make_engine(read_url(database_url))

    def cut() -> None:
        with engine.connect().execution_options(carpe_access="write") as connection, connection.begin():
            upgrade_connection(connection)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        cut()
    with engine.connect() as connection:
        assert version(connection) is None
    engine.dispose()
    with pytest.raises(DatabaseMissing, match="carpe db upgrade"):
        open_store(database_url)


@pytest.mark.parametrize(
    ("stored", "error", "advice"),
    [("0000", DatabaseTooNew, "newer version"), (None, DatabaseMissing, "carpe db upgrade")],
)
def test_another_version_is_refused_in_one_sentence(
    database_url: str, stored: str | None, error: type[Exception], advice: str
) -> None:
    upgrade(database_url)
    engine = make_engine(read_url(database_url))
    with engine.connect().execution_options(carpe_access="write") as connection, connection.begin():
        connection.execute(text("DELETE FROM alembic_version"))
        if stored is not None:
            connection.execute(text("INSERT INTO alembic_version VALUES (:stored)"), {"stored": stored})
    engine.dispose()
    with pytest.raises(error, match=advice) as told:
        open_store(database_url)
    assert "\n" not in str(told.value)


def test_an_older_version_names_the_command() -> None:
    assert "`carpe db upgrade`" in str(DatabaseOutdated())


def test_migrations_run_from_any_directory(tmp_path: Path) -> None:
    script = "import sys; from engine.store.schema import upgrade; print(upgrade(sys.argv[1])[1])"
    url = f"sqlite:///{tmp_path / 'there' / 'carpe.db'}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, url], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == newest(), done.stderr
