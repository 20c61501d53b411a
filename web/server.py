"""Serve the application with waitress until somebody says stop."""

from __future__ import annotations

import waitress  # type: ignore[import-untyped]
from flask import Flask

from engine.errors import CarpeError
from engine.signals import told_to_stop
from web.security import LARGEST_REQUEST


def serve(app: Flask, host: str, port: int, *, threads: int = 8) -> None:
    """Answer requests until Ctrl-C or SIGTERM; requests that run are finished first. Call it from the main thread.

    A body over `LARGEST_REQUEST` is refused by the application, in its own words, unless it is far over.
    """
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident=None,
            max_request_body_size=8 * LARGEST_REQUEST,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        raise CarpeError(f"Carpe cannot listen on {host}:{port} ({error.strerror}); choose another port.") from error
    with told_to_stop():
        try:
            server.run()
        finally:
            server.close()
