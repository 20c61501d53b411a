"""The version of a database's tables: made and brought up to date by the migrations, asked before every use."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from engine.errors import DatabaseMissing, DatabaseOutdated, DatabaseTooNew
from engine.store.engines import make_engine, read_url, told_in_words

_VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))
"""The table in which Alembic says which migration ran last."""


def upgrade(url: str) -> tuple[str | None, str]:
    """Makes the database if there is none and brings its tables up to date, in one transaction.

    Returns the version before (None for an empty database) and after. Raises StoreError.
    """
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        Path(parsed.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(parsed)
    try:
        with told_in_words(), engine.connect() as connection:
            connection = connection.execution_options(carpe_access="write")
            with connection.begin():
                before = version(connection)
                upgrade_connection(connection)
                return before, newest()
    finally:
        engine.dispose()


def upgrade_connection(connection: Connection, target: str = "head") -> None:
    """Runs the missing migrations, up to a version, in the transaction of this connection."""
    from alembic import command  # a library that only those who change tables wait for
    from alembic.config import Config

    if (current := version(connection)) is not None and current not in known():
        raise DatabaseTooNew()
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def require_current(connection: Connection) -> None:
    """Raises DatabaseMissing, DatabaseOutdated or DatabaseTooNew unless every migration has run."""
    current = version(connection)
    if current is None:
        raise DatabaseMissing("The database has no tables yet: run `carpe db upgrade`.")
    if current != newest():
        raise DatabaseOutdated() if current in known() else DatabaseTooNew()


def version(connection: Connection) -> str | None:
    """The migration that the database stands at; None where none has run."""
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.scalar(sa.select(_VERSIONS.c.version_num))


def known() -> list[str]:
    """The migrations that this version of Carpe brings, by the numbers that their files begin with, ascending."""
    found = (re.match(r"(\d{4})_.*\.py$", path.name) for path in (files("migrations") / "versions").iterdir())
    return sorted(each.group(1) for each in found if each)


def newest() -> str:
    """The newest of them."""
    return known()[-1]
