"""`carpe lsp`: the language service for an editor, over standard input and output."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec

import click

from engine.cli.context import opened
from engine.config import Settings
from engine.errors import LanguageServerMissing
from engine.store.statistics import StoredStatistics


@click.command(epilog="Example: carpe lsp --database sqlite:///carpe.db")
@click.option("--database", metavar="URL", help="Tell how many customers have a value, from this database.")
def lsp(database: str | None) -> None:
    """Speak the Language Server Protocol on standard input and output; editors start this themselves."""
    if find_spec("pygls") is None:
        raise LanguageServerMissing
    from engine.language_server.server import make_server

    with ExitStack() as stack:
        settings = Settings.from_environment(database=database)
        statistics = StoredStatistics(stack.enter_context(opened(settings))) if database else None
        make_server(statistics).start_io()
