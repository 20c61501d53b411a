"""Spark says the same: random rules and hostile people by way of Parquet, a table of Spark's catalog, and its workers.

One session serves all of it; `test_spark` is about the commands, each with a session of its own.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsl.typed import Condition
from engine.distributed import run as running
from engine.distributed.export import export
from engine.distributed.load import load, open_results
from engine.distributed.session import spark_session
from engine.distributed.states import States
from engine.distributed.tables import Tables
from engine.distributed.work import Work
from engine.matching.interpreter import holds
from engine.matching.plan import Plan
from engine.passes import run_pass
from engine.store.session import Store, open_store
from tests import agreement_world as world
from tests import spark_world
from tests import world as small
from tests.conftest import make_tables
from tests.spark_world import everything
from tests.strategies import ATTRIBUTES, conditions, make_batch, make_rows
from tests.test_distributed import CAPS, ONCE, POLICIES, TRIED, arms_left

pytestmark = pytest.mark.spark

DAY = dt.date(2026, 4, 30)
NOW = dt.datetime(2026, 5, 3, tzinfo=dt.UTC)
MADE = world.made(DAY, world.named(150), 8)
RULESET = world.ruleset(DAY, 60, 8)
ROWS, CONDITIONS = 1_000, 210


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed (apt install openjdk-17-jre-headless)")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])  # what workers import is what is tested
    with spark_session("local[2]") as spark:
        yield spark
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def filled(file: Path) -> Store:
    make_tables(file)
    store = open_store(f"sqlite:///{file}")
    world.fill(store, MADE, NOW)
    return store


@pytest.fixture(scope="module")
def folder(session: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot as a folder, and the same as tables of the database `carpe` in Spark's catalog."""
    place = tmp_path_factory.mktemp("agreement")
    store = filled(place / "exported.db")
    export(store, RULESET.catalog, place / "state", NOW)
    store.close()
    session.sql(f"CREATE DATABASE carpe LOCATION '{(place / 'warehouse').as_uri()}'")
    for each in sorted((place / "state").iterdir()):
        by = ["moment"] if each.name == "events" else []
        session.read.parquet(str(each)).write.partitionBy(*by).saveAsTable(f"carpe.{each.name}")
    return place


@pytest.mark.parametrize("state", ["state", "table:carpe"])
def test_it_decides_what_a_pass_decides(
    session: Any, folder: Path, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte: decisions, receipts, deliveries, counters, of the calendar and of what happened."""
    monkeypatch.setattr(running, "spark_session", lambda master: nullcontext(session))
    place = state if ":" in state else str(folder / state)
    report = running.run(place, RULESET, DAY, str(tmp_path / "out"), NOW, "local[2]")
    loaded, passed = filled(tmp_path / "loaded.db"), filled(tmp_path / "passed.db")
    made = load(loaded, RULESET, open_results(str(tmp_path / "out"), RULESET), NOW)
    by_pass = run_pass(passed, RULESET, NOW, day=DAY)
    left = everything(passed)
    assert everything(loaded) == left
    assert len(left["decisions"]) > 1_000
    assert '"visit:api:' in "".join(left["decisions"])
    for each in (report, made):
        told, expected = each.to_json(), by_pass.to_json()
        assert {name: told[name] for name in told if name != "pass"} == {
            name: expected[name] for name in expected if name != "pass"
        }
    for each in (loaded, passed):
        each.close()


def test_policies_count_on_the_workers_what_they_count_here(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arms, caps and quiet hours go by the past, which Spark picks out by comparisons of its own."""
    monkeypatch.setattr(running, "spark_session", lambda master: nullcontext(session))
    rules = small.ruleset(spark_world.TEXT + TRIED + ONCE, spark_world.CATALOG.rstrip() + POLICIES + CAPS.lstrip("\n"))
    stores = []
    for name in ("loaded", "passed"):
        make_tables(tmp_path / f"{name}.db")
        stores.append(open_store(f"sqlite:///{tmp_path / f'{name}.db'}"))
        spark_world.filled(stores[-1])
    loaded, passed = stores
    export(loaded, rules.catalog, tmp_path / "state", spark_world.NOW)
    day, out = spark_world.DAYS[1], str(tmp_path / "out")
    running.run(str(tmp_path / "state"), rules, day, out, spark_world.NOW, "local[2]")
    load(loaded, rules, open_results(out, rules), spark_world.NOW)
    run_pass(passed, rules, spark_world.NOW, day=day)
    left = everything(passed, day)
    assert everything(loaded, day) == left
    assert arms_left(loaded) == arms_left(passed)
    assert all(f'"{reason}"' in "".join(left["decisions"]) for reason in ("capped", "hold_out", "control_arm"))
    for each in stores:
        each.close()


def test_workers_match_what_the_reference_matches(session: Any, tmp_path: Path) -> None:
    """200,000 comparisons by `mapInArrow`, the rows read from Parquet and the rules sent to Python's workers."""
    today = dt.date(2024, 2, 29)
    some = world.drawn(conditions(today, leaves=6, computing=True), CONDITIONS, 5)
    rows = make_rows(ROWS, today, 5)
    table = make_batch(rows, ATTRIBUTES).append_column("number", pa.array(range(ROWS), pa.int64()))
    pq.write_table(table.rename_columns([name.replace(".", "/") for name in table.column_names]), tmp_path / "rows")
    frame = session.read.parquet(str(tmp_path / "rows")).repartition(3)
    matched = frame.mapInArrow(_matcher(some, today), "number long, rule long").collect()
    found: list[list[int]] = [[] for _ in rows]
    for number, rule in sorted(tuple(each) for each in matched):
        found[number].append(rule)
    expected = [[n for n, one in enumerate(some) if holds(one, row, today) is True] for row in rows]
    assert found == expected
    assert len(rows) * len(some) >= 200_000


def _matcher(some: list[Condition], today: dt.date) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def match(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        plan = Plan(some)
        for batch in batches:
            table = pa.Table.from_batches([batch])
            table = table.rename_columns([name.replace("/", ".") for name in table.column_names])
            matches = plan.match_batch(table, today)
            numbers = table["number"].take(matches["row"]).combine_chunks()
            rules = matches["rule"].cast(pa.int64()).combine_chunks()
            yield pa.RecordBatch.from_arrays([numbers, rules], ["number", "rule"])

    return match


# --- what Spark is asked to read -------------------------------------------------------------------------------------


def plan_of(frame: Any) -> str:
    frame.sparkSession.conf.set("spark.sql.maxMetadataStringLength", 10_000)
    return str(frame._jdf.queryExecution().toString())


def test_the_gate_is_asked_where_the_files_are_read(session: Any, folder: Path) -> None:
    """Of dates and events only what passes leaves the scan, with no other columns than the gate asks."""
    by_calendar = tuple(rule for rule in RULESET.rules if all(use.date is None for use in rule.moments))
    work = Work(replace(RULESET, rules=by_calendar), DAY, NOW, frozenset(), frozenset())
    due = States(Tables(session, str(folder / "state")), work, 1)._due()
    assert due is not None
    scans = [line for line in plan_of(due).partition("== Physical Plan ==")[2].splitlines() if "FileScan" in line]
    customers, subscriptions, events = scans
    assert "ReadSchema: struct<customer.id:string,customer.date_of_birth.day:int," in customers
    pushed = _pushed(customers)
    assert "EqualTo(`customer.date_of_birth.month`,4)" in pushed
    assert "EqualTo(`customer.date_of_birth.day`,30)" in pushed
    pushed = _pushed(subscriptions)
    assert "In(`subscription.started_on.day`, [30,31])" in pushed
    assert "EqualTo(`subscription.started_on.day`,1)" in pushed  # of an offset: the first of May
    assert "Not(EqualTo(status,cancelled))" in pushed
    assert "dayofmonth" not in customers + subscriptions
    assert "PartitionFilters: [((moment" in events
    assert "PushedFilters: [Or(Or(And(In(state, [live,pending]),LessThan(occurred_at" in events


def _pushed(scan: str) -> str:
    return scan.partition("PushedFilters: [")[2].partition("], ReadSchema")[0]


def test_a_day_that_is_everybodys_asks_no_dates(session: Any, folder: Path) -> None:
    work = Work(RULESET, DAY, NOW, frozenset(), frozenset())
    assert States(Tables(session, str(folder / "state")), work, 1)._due() is None
