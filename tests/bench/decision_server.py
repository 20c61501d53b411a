"""A server to measure: `python -m tests.bench.decision_server SERVER PORT [DATABASE RULES]`

Without a database it is the floor: an application that reads the body and answers the same few bytes, on that server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from engine.cli.main import main
from web import granian_server, server


def hello(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = b'{"counts_as":"moment","decisions":[],"state":"new"}'
    start_response("201 CREATED", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def open_hello() -> tuple[Any, Callable[[], object]]:
    return hello, lambda: None


if __name__ == "__main__":
    which, port, *rest = sys.argv[1:]
    if rest:
        sys.argv = ["carpe", "serve", "--server", which, "--port", port, "--no-scheduler"]
        sys.argv += ["--database", rest[0], "--rules", rest[1]]
        main()
    elif which == "granian":
        granian_server.serve(open_hello, "127.0.0.1", int(port))
    else:
        server.serve(hello, "127.0.0.1", int(port))  # type: ignore[arg-type]
