"""Serve the application with granian (extra `fast`): HTTP is spoken by compiled code, Python only answers.

Granian keeps a parent that listens and starts one process, which has the application, the store and the scheduler. The
parent opens no database: what is open in a process that is copied belongs to nobody.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.util import Finalize
from typing import Any

from flask import Flask

from engine.errors import CarpeError, ServerMissing
from web.server import THREADS, cannot_listen

Opened = tuple[Flask, Callable[[], object]]
"""An application, and what ends it."""


@dataclass(frozen=True, slots=True)
class _Loader:
    """Called in the process that serves; it travels there, so that `open_app` must be picklable."""

    open_app: Callable[[], Opened]

    def __call__(self) -> Flask:
        app, close = self.open_app()
        Finalize(None, close, exitpriority=10)  # granian's processes end without `atexit`
        return app


def require_granian() -> Any:
    """Granian's server class. Raises ServerMissing with the command that installs it."""
    try:
        from granian.server import MPServer
    except ImportError:
        raise ServerMissing() from None
    return MPServer


def serve(open_app: Callable[[], Opened], host: str, port: int) -> None:
    """Answer requests until Ctrl-C or SIGTERM; requests that run are finished first. Call it from the main thread."""
    server_class = require_granian()
    _refuse_taken(host, port)
    server = server_class(
        "carpe",
        address=host,
        port=port,
        interface="wsgi",
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_level="error",
    )
    try:
        server.serve(target_loader=_Loader(open_app), wrap_loader=False)
    except SystemExit as end:
        if end.code:
            raise CarpeError("The process that serves ended by itself; what it wrote last says why.") from None


def _refuse_taken(host: str, port: int) -> None:
    """Granian shares its port with whoever listens there already."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        raise cannot_listen(host, port, error) from error
