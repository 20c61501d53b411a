"""A day by way of Spark on this machine: `python -m tests.bench spark`

A store of 2,000 customers with subscriptions, events, readings and decisions is exported and copied under other ids,
with other billing days, until there are enough. Its rules are those of the tests (13, six of which ask the past), the
day is a moment of everybody. Beside it is the local engine: the same customers decided as one group, in one process,
without Spark. Matching alone is measured the same way, by `mapInArrow` and in groups, as a day is decided.

The first run pays for Java and for starting Python's workers and is not counted. Needs the extra `spark` and Java;
without them the lines are left out.

At a tenth of the full sizes on two cores that were busy with other work (load 10), where starting jobs is most of it:
0.13 of the local speed by `mapInArrow`, 0.06 in groups, 0.14 for the day.
"""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from engine.distributed import run as running
from engine.distributed.export import export
from engine.distributed.gates import with_day_parts
from engine.distributed.layout import Snapshot, manifest_row
from engine.distributed.parquet import Folder
from engine.distributed.session import spark_session
from engine.distributed.work import Work
from engine.matching.plan import Plan, compile_plan
from engine.store.schema import upgrade
from engine.store.session import open_store
from engine.store.zones import shard_of
from tests.bench.bench_events import SPARSE
from tests.bench.made_up import TODAY, batch, rules
from tests.bench.measuring import Line, medians, scaled, thousands
from tests.spark_world import NOW, RULES, decided, filled

SEED_SIZE = 2_000
EVERYBODY = dt.date(2026, 2, 28)
NAMED = ("customer.id", "subscription.id", "subject", "id")
MASTER = "local[2]"
BLOCKS = 8
"""Groups of rows that are matched apart."""


def lines(scale: float) -> Iterator[Line]:
    if find_spec("pyspark") is None or find_spec("pandas") is None or shutil.which("java") is None:
        return
    with _place() as place, spark_session(MASTER) as spark:
        yield from _matching(spark, place, scaled(1_000_000, scale, 500), scaled(1_000, scale, 20))
        yield _day(spark, place, scaled(20, scale, 1))


@contextmanager
def _place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="carpe-bench-"))
    try:
        yield place
    finally:
        shutil.rmtree(place)


# --- matching alone --------------------------------------------------------------------------------------------------


def _matching(spark: Any, place: Path, size: int, count: int) -> Iterator[Line]:
    """Rows in Parquet, matched: the number of matches is what comes back, from here and from Spark."""
    table = batch(size).append_column("block", pa.array([number % BLOCKS for number in range(size)], pa.int32()))
    plain = table.rename_columns([name.replace(".", "/") for name in table.column_names])
    pq.write_table(plain, place / "rows", row_group_size=max(1, size // BLOCKS))
    frame = spark.read.parquet(str(place / "rows"))
    grouped = partial(_matches, count)

    def counted(found: Any) -> int:
        return int(found.groupby().sum("matches").first()[0])

    calls: dict[str, Callable[[], object]] = {
        "here": lambda: _matches(count, pq.read_table(place / "rows"))["matches"][0].as_py(),
        "mapped": lambda: counted(frame.mapInArrow(partial(_mapped, count), "matches long")),
        "grouped": lambda: counted(frame.groupby("block").applyInArrow(lambda one: grouped(one), "matches long")),
    }
    assert len({call() for call in calls.values()}) == 1
    took = medians(calls)
    of = f"{thousands(size)} rows x {thousands(count)} rules by Spark"
    for name, how in (("mapped", "mapInArrow"), ("grouped", "applyInArrow, in groups")):
        ratio = took["here"] / took[name]
        yield Line(f"spark.match.{name}", f"{of}, {how}", size / took[name], "rows/s", ratio, "as fast as in process")


@lru_cache(maxsize=1)
def _plan(count: int) -> Plan:
    """Made once in a process, here or in one of Spark's workers."""
    return compile_plan(rules(count, SPARSE))


def _matches(count: int, table: pa.Table) -> pa.Table:
    named = table.rename_columns([name.replace("/", ".") for name in table.column_names])
    return pa.table({"matches": pa.array([_plan(count).match_batch(named, TODAY).num_rows], pa.int64())})


def _mapped(count: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Several of Spark's batches at a time: it hands over ten thousand rows, which is few for the batch form."""
    while some := list(itertools.islice(batches, 8)):
        yield from _matches(count, pa.Table.from_batches(some)).to_batches()


# --- a whole day -----------------------------------------------------------------------------------------------------


def _day(spark: Any, place: Path, copies: int) -> Line:
    """From a snapshot to decisions as Parquet, beside the same customers as one group in this process."""
    _export(place / "seed")
    grown(place / "seed", place / "state", copies)
    work = Work(RULES, EVERYBODY, NOW, frozenset(), frozenset())
    numbers = itertools.count()
    found = {}

    def here() -> None:
        made, _ = decided(work, place / "state")
        found["here"] = pc.sum(pc.equal(made["what"], "decision")).as_py()

    def by_spark() -> None:
        out = str(place / f"decided-{next(numbers)}")
        with mock.patch.object(running, "spark_session", return_value=nullcontext(spark)):
            report = running.run(str(place / "state"), RULES, EVERYBODY, out, NOW, MASTER)
        found["spark"], found["due"] = report.total("offered") + report.total("held"), sum(report.moments.values())

    took = medians({"here": here, "spark": by_spark})
    assert found["here"] == found["spark"]
    customers = copies * SEED_SIZE
    what = f"a day of {thousands(customers)} customers by Spark, {thousands(found['due'])} due, to decisions in Parquet"
    ratio = took["here"] / took["spark"]
    return Line("spark.day", what, found["due"] / took["spark"], "due/s", ratio, "as fast as one group in process")


def _export(seed: Path) -> None:
    database = seed.with_name("carpe.db")
    upgrade(f"sqlite:///{database}")
    store = open_store(f"sqlite:///{database}")
    filled(store, SEED_SIZE)
    export(store, RULES.catalog, seed, NOW)
    store.close()


def copied(table: pa.Table, number: int) -> pa.Table:
    """The same rows under other ids, billed from another day on."""
    for name in set(NAMED) & set(table.column_names):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.binary_join_element_wise(table[name], str(number), "/"))
    if "shard" in table.column_names:
        shards = pa.array([shard_of(key) for key in table["customer.id"].to_pylist()], pa.int64())
        table = table.set_column(table.column_names.index("shard"), "shard", shards)
    if (name := "subscription.started_on") in table.column_names:
        days = pc.subtract(table[name].cast(pa.int32()), pa.scalar(number % 31, pa.int32())).cast(pa.date32())
        table = table.set_column(table.column_names.index(name), name, days)
        table = with_day_parts(table.drop_columns([f"{name}.{part}" for part in ("day", "month", "weekday")]), [name])
    return table


def grown(seed: Path, state: Path, copies: int) -> None:
    for each in sorted(path.parent for path in seed.rglob("part-00000.parquet")):
        name = each.relative_to(seed)
        table = ds.dataset(each, format="parquet").to_table()
        with Folder(state / name) as folder:
            by_customer = "customer.id" in table.column_names
            for number in range(copies if by_customer else 1):
                folder.add(copied(table, number) if by_customer else table)
    said = ds.dataset(seed / "manifest", format="parquet").to_table().to_pylist()[0]
    counts = {name: said[name] * copies for name in ("customers", "subscriptions", "events")}
    shutil.rmtree(state / "manifest")
    with Folder(state / "manifest") as folder:
        folder.add(Snapshot(**manifest_row(said | counts)).table())
