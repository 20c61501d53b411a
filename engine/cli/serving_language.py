"""`carpe lsp`: the language service for an editor, over standard input and output."""

from __future__ import annotations

from importlib.util import find_spec

import click

from engine.errors import LanguageServerMissing


@click.command(epilog="Example: carpe lsp")
def lsp() -> None:
    """Speak the Language Server Protocol on standard input and output; editors start this themselves."""
    if find_spec("pygls") is None:
        raise LanguageServerMissing
    from engine.language_server.server import make_server

    make_server().start_io()
