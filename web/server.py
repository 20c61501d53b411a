"""Serve the application with waitress until somebody says stop."""

from __future__ import annotations

import logging

import waitress  # type: ignore[import-untyped]
from flask import Flask

from engine.errors import CarpeError
from engine.signals import told_to_stop
from web.security import LARGEST_REQUEST

THREADS = 16
"""Requests that are answered at a time. Most of one is waiting for the disk, which those who wait share."""


def cannot_listen(host: str, port: int, error: OSError) -> CarpeError:
    """One sentence for an address that cannot be had."""
    return CarpeError(f"Carpe cannot listen on {host}:{port} ({error.strerror}); choose another port.")


def serve(app: Flask, host: str, port: int, *, threads: int = THREADS) -> None:
    """Answer requests until Ctrl-C or SIGTERM; requests that run are finished first. Call it from the main thread.

    A body over `LARGEST_REQUEST` is refused by the application, in its own words, unless it is far over.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that somebody waits for a thread is no warning
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
        raise cannot_listen(host, port, error) from error
    with told_to_stop():
        try:
            server.run()
        finally:
            server.close()
