"""Real processes: two schedulers on one database, stopped as supervisors stop them, started as shells start them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import leases, workers
from engine.workers import registered
from tests import world

# SIGINT is ignored when the process begins, as a shell without job control has it for what runs in the background.
_SCHEDULER = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from engine.cli.main import main
main()
"""


def started(url: str, rules: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _SCHEDULER, "scheduler", "--database", url, "--rules", str(rules)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True)


def wait_for(seen: Callable[[], bool]) -> None:
    for _ in range(600):
        if seen():
            return
        time.sleep(0.1)
    raise AssertionError("it does not happen")


def scalar(store: Store, query: sa.Select[tuple[int]]) -> int:
    with store.read() as connection:
        return connection.scalar(query) or 0


def test_two_of_them_one_works_and_both_stop_cleanly(tmp_path: Path) -> None:
    url, rules = f"sqlite:///{tmp_path / 'carpe.db'}", tmp_path / "rules"
    rules.mkdir()
    (rules / "catalog.yaml").write_text(world.CATALOG)
    upgrade(url)
    store = open_store(url)
    both = [started(url, rules) for _ in range(2)]
    registrations, token = sa.select(sa.func.count()).select_from(workers), sa.select(leases.c.token)
    try:
        wait_for(lambda: scalar(store, registrations) == 2 and scalar(store, token) == 1)
        with store.read() as connection:
            holder = connection.scalar(sa.select(leases.c.holder))
            assert {each.place.split(" on ")[0] for each in registered(connection)} == {"carpe scheduler"}
        works = next(each for each in both if str(holder).startswith(f"{each.pid}-"))
        told = {next(each for each in both if each is not works): signal.SIGINT, works: signal.SIGTERM}
        for process, number in told.items():
            process.send_signal(number)
            assert process.communicate(timeout=60)[1] == "Scheduler started; Ctrl-C stops it.\n"
            assert process.returncode == 0
        assert scalar(store, registrations) == 0
    finally:
        for process in both:
            process.kill()
        store.close()
