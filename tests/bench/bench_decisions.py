"""Events decided as they come: `python -m tests.bench decisions`

A thousand rules, one visit after the other. In process, without the commit, beside reading the same state by hand;
durable with sixteen callers on both databases, beside a bare loop of durable commits of as many rows; over HTTP with
sixteen connections on both servers, beside an application that only says hello.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from dsl.typed import Ruleset
from engine.online import ledger
from engine.online.desk import EventDesk
from engine.online.drafts import Telling
from engine.online.telling import tell
from engine.plans import plans_of
from engine.store.session import Store, open_store
from tests.bench.decision_world import fill, visit, write_rules
from tests.bench.measuring import Line, scaled, thousands
from tests.conftest import Server, binaries

CALLERS = 16
ROOT = Path(__file__).resolve().parents[2]

MOST_HTTP = {"waitress": 1000.0, "granian": 400.0}
"""Microseconds a request."""


@dataclass(frozen=True, slots=True)
class World:
    """What is measured in: a filled SQLite file, copied for each line; `seconds` that a line lasts."""

    folder: Path
    ruleset: Ruleset
    people: int
    token: str
    seconds: float
    now: dt.datetime

    def copy(self) -> str:
        """The URL of a fresh copy."""
        shutil.copy(self.folder / "filled.db", self.folder / "run.db")
        return f"sqlite:///{self.folder / 'run.db'}"


def lines(scale: float) -> Iterator[Line]:
    count, people, now = scaled(1000, scale, 20), scaled(5000, scale, 100), dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name).resolve()
        ruleset = write_rules(folder / "rules", count)
        store, token = fill(f"sqlite:///{folder / 'filled.db'}", ruleset, people, now)
        store.close()
        world = World(folder, ruleset, people, token, max(0.5, 5 * scale), now)
        yield from _in_process(world, scaled(6000, scale, 50))
        yield _durable(world, "sqlite", open_store(world.copy()), _sqlite_floor(world))
        if server := _postgresql():
            try:
                filled, _ = fill(server.new_database(), ruleset, people, now)
                yield _durable(world, "postgresql", filled, _sqlite_floor(world))
            finally:
                server.stop()
        for which in ("waitress", *(["granian"] if importlib.util.find_spec("granian") else [])):
            yield from _over_http(world, which)


# --- in process ------------------------------------------------------------------------------------------------------


class _Undone(Exception):
    """Rolls the transaction back."""


def _in_process(world: World, count: int) -> Iterator[Line]:
    """From the event to its answer and the rows for the writer; half of the events are not counted."""
    store, plans = open_store(world.copy()), plans_of(world.ruleset)
    took, floor, decided = [], [], 0
    with mock.patch.object(ledger, "write"), mock.patch.object(ledger, "insert_few"):
        try:
            with store.write() as connection:
                raw = connection.connection.cursor()
                for number in range(count):
                    event = visit("one", number, world.people, world.now)
                    began = time.perf_counter()
                    [answer] = tell(connection, store, plans, [Telling(event, world.now, decides=True)])
                    took.append(time.perf_counter() - began)
                    floor.append(_seconds(lambda: _read_by_hand(raw, event.customer)))  # noqa: B023
                    decided += len(answer.decisions)
                raise _Undone
        except _Undone:
            store.close()
    took, middle = sorted(took[count // 2 :]), statistics.median(floor[count // 2 :])
    what = f"one event, {thousands(len(world.ruleset.rules))} rules, {decided / count:.2g} decisions, not written"
    beside = f"reading the state by hand ({middle * 1e6:,.0f} us)"
    for name, place, most in (("median", len(took) // 2, 150.0), ("p99", len(took) * 99 // 100, None)):
        value = took[place]
        yield Line(f"decide.{name}", f"{what}, {name}", value * 1e6, "us", value / middle, beside, most=most)


def _read_by_hand(cursor: sqlite3.Cursor, customer: str) -> object:
    joined = "customers c JOIN subscriptions s ON s.customer_id = c.id"
    found = cursor.execute(f"SELECT c.attributes, s.attributes FROM {joined} WHERE c.id = ?", (customer,))
    return [json.loads(text) for text in found.fetchone()]


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


# --- durable ---------------------------------------------------------------------------------------------------------


def _durable(world: World, kind: str, store: Store, floor: float) -> Line:
    """Seconds an event, each answered after its commit; the first fifth of the time is not counted."""
    desk, done, stopping = EventDesk(store, lambda: world.ruleset), [0] * CALLERS, threading.Event()

    def call(caller: int) -> None:
        while not stopping.is_set():
            event = visit(f"caller{caller}", done[caller] * CALLERS + caller, world.people, world.now)
            desk.tell(event, world.now, decide=True)
            done[caller] += 1

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(CALLERS)]
    for thread in threads:
        thread.start()
    time.sleep(world.seconds / 5)
    began, before = time.perf_counter(), sum(done)
    time.sleep(world.seconds)
    each = (time.perf_counter() - began) / max(1, sum(done) - before)
    stopping.set()
    for thread in threads:
        thread.join()
    store.close()
    what = f"{kind}: an event decided and on disk, {CALLERS} callers ({1 / each:,.0f} a second)"
    beside = f"a SQLite file's bare commits, {CALLERS} rows each ({floor * 1e6:,.0f} us a row)"
    return Line(f"durable.{kind}", what, each * 1e6, "us", each / floor, beside, most=200.0)


def _sqlite_floor(world: World) -> float:
    """Seconds a row of durable commits of so many rows."""
    connection = sqlite3.connect(world.folder / f"floor{time.time_ns()}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, body TEXT)")
    began, commits = time.perf_counter(), 0
    while time.perf_counter() < began + world.seconds / 2:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO rows (body) VALUES (?)", [("x" * 500,)] * CALLERS)
        connection.execute("COMMIT")
        commits += 1
    connection.close()
    return (time.perf_counter() - began) / commits / CALLERS


def _postgresql() -> Server | None:
    """A server whose commits are durable, where its programs are installed."""
    try:
        return Server(binaries(), durable=True)
    except pytest.skip.Exception:
        return None


# --- over HTTP -------------------------------------------------------------------------------------------------------


def _over_http(world: World, which: str) -> Iterator[Line]:
    floor = _load(world, which)
    found = _load(world, which, world.copy(), str(world.folder / "rules"))
    what = f"{which}: an event decided and on disk over HTTP, {CALLERS} connections ({found['a_second']:,.0f} a second)"
    ratio, beside = floor["a_second"] / found["a_second"], f"hello on it ({floor['a_second']:,.0f} a second)"
    yield Line(f"http.{which}", what, 1e6 / found["a_second"], "us", ratio, beside, most=MOST_HTTP[which])
    slow, beside = found["p99"] / floor["p99"], f"hello's p99 ({floor['p99'] * 1e3:.1f} ms)"
    yield Line(f"http.{which}.p99", f"{which}: p99 of an answer", found["p99"] * 1e3, "ms", slow, beside, most=25.0)


def _load(world: World, which: str, *served: str) -> dict[str, float]:
    with _served(which, *served) as port:
        arguments = [str(port), str(CALLERS), str(world.seconds), world.token, str(world.people)]
        command = [sys.executable, "-m", "tests.bench.http_load", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
        found: dict[str, float] = json.loads(done.stdout)
        return found


@contextmanager
def _served(which: str, *served: str) -> Iterator[int]:
    """A server process; its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.bench.decision_server", which, str(port), *served]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not answer")
