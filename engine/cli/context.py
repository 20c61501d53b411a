"""What commands share: the database and the rules they work on, and how they print."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.source import Source
from dsl.suggestions import closest
from dsl.typed import Rule, Ruleset
from engine.config import Settings
from engine.errors import CarpeError
from engine.rule_files import read_files
from engine.rulebook import load, usable
from engine.store.session import Store, open_store

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

database_option: Decorator = click.option(
    "--database", metavar="URL", help="The database. Default: $CARPE_DATABASE, else sqlite:///carpe.db."
)
rules_option: Decorator = click.option(
    "--rules", metavar="FOLDER", type=click.Path(path_type=Path), help="The ruleset. Default: $CARPE_RULES, else rules."
)
json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def as_day(ctx: click.Context, param: click.Parameter, value: str | None) -> dt.date | None:
    """Callback of options that take a date written 2026-03-15."""
    if value is None:
        return None
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f'"{value}" is no date: write it like 2026-03-15.') from None
    if not 1900 <= day.year < 2200:
        raise click.BadParameter(f"{value} is too far away to say anything about.")
    return day


as_of_option: Decorator = click.option(
    "--as-of", "day", callback=as_day, metavar="DATE", help="Each customer's local day, such as 2026-03-15."
)


accept_clock_option: Decorator = click.option(
    "--accept-clock", is_flag=True, help="A suspect clock stopped everything: you looked, and it is right now."
)


def console() -> Console:
    """Where people read; plain where it is no terminal."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database, settings.columns)
    try:
        yield store
    finally:
        store.close()


def ruleset_of(settings: Settings) -> Ruleset:
    """The rules that are right; says on stderr how many are not."""
    loaded = load(settings.rules)
    ruleset = usable(loaded, settings.rules)
    if loaded.errors:
        count = len(loaded.errors)
        click.echo(f"{count} error{'s' * (count > 1)} in {settings.rules}; `carpe check` shows them.", err=True)
    return ruleset


def catalog_of(settings: Settings) -> Catalog:
    """The catalog alone, which must be right; the rules are not read."""
    source = Source("catalog.yaml", read_files(settings.rules)["catalog.yaml"])
    catalog, diagnostics = read_catalog(source)
    if catalog is None or any(each.is_error for each in diagnostics):
        raise CarpeError(
            f"The catalog in {settings.rules} has errors; `carpe check --rules {settings.rules}` shows them."
        )
    return catalog


def rule_of(ruleset: Ruleset, name: str) -> Rule:
    """The rule of this name, or one sentence with the nearest name."""
    rule = ruleset.rule(name.lower())
    if rule is None:
        near = closest(name, [each.name for each in ruleset.rules])
        raise CarpeError(f'There is no rule called "{name}"' + (f"; did you mean {near}?" if near else "."))
    return rule
