"""The version of a database's tables: made and brought up to date by the migrations, asked before every use."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from engine.errors import DatabaseMissing, DatabaseOutdated, DatabaseTooNew
from engine.store.engines import make_engine, read_url, told_in_words


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
    config = _config()
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if (current := version(connection)) is not None and current not in known:
        raise DatabaseTooNew()
    command.upgrade(config, target)


def require_current(connection: Connection) -> None:
    """Raises DatabaseMissing, DatabaseOutdated or DatabaseTooNew unless every migration has run."""
    current = version(connection)
    if current is None:
        raise DatabaseMissing("The database has no tables yet: run `carpe db upgrade`.")
    script = ScriptDirectory.from_config(_config())
    if current != script.get_current_head():
        known = {one.revision for one in script.walk_revisions()}
        raise DatabaseOutdated() if current in known else DatabaseTooNew()


def version(connection: Connection) -> str | None:
    """The migration that the database stands at; None where none has run."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The newest migration that this version of Carpe brings."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config
