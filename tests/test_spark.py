"""Spark decides what a pass decides, row by row, on one machine and on a cluster of two workers on this one.

The cluster is Spark's own, standalone: a master and two workers that these tests start and stop.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import carpe
from conftest import make_tables
from spark_world import DAYS, NOW, RULES, WORLD_FILES, everything, filled

from engine.passes import run_pass
from engine.store.session import Store, open_store

pytestmark = pytest.mark.spark
DAY = DAYS[1]
PATIENCE = 600
"""Seconds after which Spark is given up."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database, its rules, a snapshot of it, and what a pass leaves of the day in another database."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed (apt install openjdk-17-jre-headless)")
    place = tmp_path_factory.mktemp("spark")
    for path, text in WORLD_FILES.items():
        (place / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "rules" / path).write_text(text)
    make_tables(place / "carpe.db")
    store = open_store(f"sqlite:///{place / 'carpe.db'}")
    filled(store, 200)
    store.close()
    done = carpe(place, "snapshot", "--out", "state")
    assert done.returncode == 0, done.stderr
    shutil.copy(place / "carpe.db", place / "passed.db")
    return place


@pytest.fixture(scope="module")
def passed(folder: Path) -> dict[str, list[str]]:
    store = open_store(f"sqlite:///{folder / 'passed.db'}")
    run_pass(store, RULES, NOW, day=DAY)
    left = everything(store, DAY)
    store.close()
    return left


@pytest.fixture(scope="module")
def master() -> Iterator[str]:
    """The URL of a cluster of two workers with one core each."""
    pyspark = pytest.importorskip("pyspark")
    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    spark_class = [str(home / "bin" / "spark-class")]
    started: list[subprocess.Popen[str]] = []
    try:
        boss = [*spark_class, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0"]
        started.append(_start([*boss, "--webui-port", "0"], environment))
        url = _said(started[0], r"Starting Spark master at (spark://\S+)")
        for _ in range(2):
            hand = [*spark_class, "org.apache.spark.deploy.worker.Worker", url, "--host", "127.0.0.1"]
            started.append(_start([*hand, "--cores", "1", "--memory", "1g", "--webui-port", "0"], environment))
        for worker in started[1:]:
            _said(worker, "Successfully registered with master")
        yield url
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def _said(process: subprocess.Popen[str], pattern: str) -> str:
    """Waits for a line in the process's log: its group, or all of what was found."""
    assert process.stderr is not None
    heard = []
    for line in process.stderr:
        heard.append(line)
        if found := re.search(pattern, line):
            return found[found.lastindex or 0]
    raise AssertionError("".join(heard[-20:]))


def test_one_machine_decides_what_a_pass_decides(folder: Path, passed: dict[str, list[str]]) -> None:
    decide_and_load(folder, passed, "local[2]", "one")


def test_a_cluster_decides_what_a_pass_decides(folder: Path, passed: dict[str, list[str]], master: str) -> None:
    decide_and_load(folder, passed, master, "cluster")


def decide_and_load(folder: Path, passed: dict[str, list[str]], master: str, name: str) -> None:
    """The commands, as a person would give them; then what is in the database, byte for byte."""
    asked = ("run", "--engine", "spark", "--state", "state", "--as-of", str(DAY), "--out", name, "--master", master)
    done = carpe(folder, *asked, patience=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert f"Decided {DAY} into {name}" in done.stdout
    shutil.copy(folder / "carpe.db", folder / f"{name}.db")
    database = ("--database", f"sqlite:///{name}.db")
    assert "matched" in carpe(folder, "load-decisions", name, *database).stdout
    assert loaded(folder / f"{name}.db") == passed
    assert len(passed["decisions"]) > 300
    assert "nothing changed" in carpe(folder, "load-decisions", name, *database).stdout
    assert loaded(folder / f"{name}.db") == passed
    again = carpe(folder, *asked, patience=PATIENCE)
    assert again.returncode == 2
    assert "something in" in again.stderr


def loaded(database: Path) -> dict[str, list[str]]:
    store: Store = open_store(f"sqlite:///{database}")
    left = everything(store, DAY)
    store.close()
    return left


def test_a_snapshot_that_is_not_there(folder: Path) -> None:
    asked = (
        "run",
        "--engine",
        "spark",
        "--state",
        "nowhere",
        "--as-of",
        str(DAY),
        "--out",
        "x",
        "--master",
        "local[1]",
    )
    done = carpe(folder, *asked, patience=PATIENCE)
    assert done.returncode == 2
    assert "There is no finished snapshot in nowhere" in done.stderr
