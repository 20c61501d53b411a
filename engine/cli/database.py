"""`carpe db`: the database's tables, and its columns."""

from __future__ import annotations

import click

from engine.cli.columns import db_columns
from engine.cli.context import database_option
from engine.config import Settings
from engine.store.schema import upgrade


@click.group("db")
def db_group() -> None:
    """The database's tables, and the columns beside it."""


db_group.add_command(db_columns)


@db_group.command("upgrade", epilog="Example: carpe db upgrade --database postgresql://carpe@localhost/carpe")
@database_option
def db_upgrade(database: str | None) -> None:
    """Make the database if there is none, or bring its tables up to this version. Safe to run again."""
    settings = Settings.from_environment(database=database)
    before, after = upgrade(settings.database)
    if before is None:
        click.echo(f"Made the database at version {after}.")
    elif before == after:
        click.echo(f"The database is at version {after} already.")
    else:
        click.echo(f"Upgraded the database from version {before} to {after}.")
