"""The server as a process: it answers, it stops when told, it says why it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_world import World, open_world

from engine.errors import CarpeError, ServerMissing
from engine.workers import registered
from web import granian_server
from web.server import serve

# SIGINT is ignored when the process begins, as a shell without job control has it for what runs in the background.
_SERVE = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from engine.clock import utc_now
from engine.config import Settings
from engine.rulebook import Rulebook
from engine.store.session import open_store
from pathlib import Path
from web import create_app
from web.server import serve
settings = Settings(database=sys.argv[1], rules=Path(sys.argv[2]))
store = open_store(settings.database)
serve(create_app(settings, store, Rulebook(settings.rules), utc_now), "127.0.0.1", int(sys.argv[3]))
print("stopped")
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_stops_cleanly(world: World, told: signal.Signals) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, world.store.url, str(world.folder), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert answer(f"http://127.0.0.1:{port}/healthz") == 200
        server.send_signal(told)
        out, err = server.communicate(timeout=30)
    finally:
        server.kill()
    assert (server.returncode, out, "Traceback" in err) == (0, "stopped\n", False)


def answer(url: str) -> int:
    """The status of the first answer; gives up when nobody answers for long."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url) as found:
                return int(found.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def test_a_port_that_is_taken_is_one_sentence(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CarpeError, match=r"cannot listen on 127\.0\.0\.1:"):
            serve(world.app, "127.0.0.1", taken.getsockname()[1])


_GRANIAN = """
import sys
database, rules, port = sys.argv[1:]
sys.argv = ["carpe", "serve", "--server", "granian", "--database", database, "--rules", rules, "--port", port]
from engine.cli.main import main
main()
"""


@pytest.mark.parametrize("told", [signal.SIGTERM])
def test_granian_answers_decides_and_stops_cleanly(world: World, told: signal.Signals) -> None:
    """With its scheduler, which signs off when the server is stopped."""
    pytest.importorskip("granian")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _GRANIAN, world.store.url, str(world.folder), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert answer(f"http://127.0.0.1:{port}/healthz") == 200
        with world.store.read() as connection:
            assert len(registered(connection)) == 1
        server.send_signal(told)
        _, err = server.communicate(timeout=60)
    finally:
        server.kill()
    assert (server.returncode, "Traceback" in err) == (0, False), err
    with world.store.read() as connection:
        assert registered(connection) == ()


def test_granian_on_a_port_that_is_taken_is_one_sentence() -> None:
    pytest.importorskip("granian")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CarpeError, match=r"cannot listen on 127\.0\.0\.1:"):
            granian_server.serve(lambda: pytest.fail("opened"), "127.0.0.1", taken.getsockname()[1])


def test_without_granian_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "granian.server", None)
    with pytest.raises(ServerMissing, match=r"pip install 'carpe\[fast\]'"):
        granian_server.require_granian()
