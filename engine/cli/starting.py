"""`carpe init`: a folder of rules to begin with, and a database."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from engine.cli.context import database_option, rules_option
from engine.config import Settings
from engine.demo.example_rules import example_rules_folder
from engine.errors import CarpeError
from engine.store.engines import read_url
from engine.store.schema import upgrade


@click.command(epilog="Example: carpe init --rules rules --database sqlite:///carpe.db")
@database_option
@rules_option
def init(database: str | None, rules: Path | None) -> None:
    """Make a database, and a folder with the example rules where there are none yet. Changes nothing that is there."""
    settings = Settings.from_environment(database=database, rules=rules)
    read_url(settings.database)
    if (settings.rules / "catalog.yaml").exists():
        click.echo(f"{settings.rules} has a ruleset already; it stays as it is.")
    else:
        copy_example(settings.rules)
        click.echo(f"Wrote the example ruleset to {settings.rules}.")
    before, _ = upgrade(settings.database)
    click.echo("The database is there already." if before else "Made the database.")
    click.echo("Next: `carpe check`, then `carpe import customers FILE`, or `carpe demo` for a tour.")


def copy_example(folder: Path) -> None:
    """Copy the example ruleset into a folder that is new or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise CarpeError(f"{folder} is not empty and has no catalog.yaml; name another folder with --rules.")
    shutil.copytree(example_rules_folder(), folder, dirs_exist_ok=True)
