"""Migrations on an empty database make the tables that the code describes, from anywhere."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text

import migrations
from engine.errors import DatabaseMissing, DatabaseOutdated, DatabaseTooNew
from engine.store.engines import make_engine, read_url
from engine.store.schema import known, newest, upgrade, upgrade_connection, version
from engine.store.session import Store, open_store
from engine.store.tables import batches, counters, frontiers, metadata, passes


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


def test_the_migrations_are_known_by_the_numbers_of_their_files() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__path__[0]))).walk_revisions()
    assert known() == sorted(script.revision for script in scripts)


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url) == (None, newest())
    assert upgrade(database_url) == (newest(), newest())


def test_what_the_first_version_wrote_is_kept(database_url: str) -> None:
    """A database of version 0001 with a finished batch and its counters."""
    engine = make_engine(read_url(database_url))
    with engine.connect().execution_options(carpe_access="write") as connection, connection.begin():
        upgrade_connection(connection, "0001")
        for statement in (
            "INSERT INTO passes (id, as_of, started_at, ruleset) VALUES (7, '2026-03-15', '2026-03-15 09:00', 'x')",
            "INSERT INTO batches VALUES ('2026-03-15', 'birthday', 0, 'Europe/Berlin', 3, 7, '2026-03-15 09:01')",
            "INSERT INTO batches VALUES ('2026-03-14', 'birthday', 0, 'Europe/Berlin', 3, 6, '2026-03-14 09:01')",
            "INSERT INTO counters VALUES ('wishes', 'birthday', 0, '2026-03-15', 9, 4, 3, 2, 0, 0)",
        ):
            connection.execute(text(statement))
    engine.dispose()
    upgrade(database_url)
    store = open_store(database_url)
    with store.read() as connection:
        found = connection.execute(select(batches).order_by(batches.c.local_date.desc())).first()
        assert found is not None
        assert (found.zone, found.shard, found.rerun, found.pass_id, found.moves_seen) == ("Europe/Berlin", 3, 0, 7, 0)
        counted = connection.execute(select(counters)).one()
        assert (counted.rule, counted.pass_id, counted.due, counted.not_matched) == ("wishes", 0, 9, 4)
        assert connection.scalar(select(passes.c.kind)) == "day"
        assert connection.execute(select(frontiers)).all() == [("Europe/Berlin", dt.date(2026, 3, 15))]
    store.close()


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
