"""How fast a day is decided by way of Spark on this machine, and how large a snapshot is.

    python tests/bench/bench_spark.py [CUSTOMERS] [MASTER]

A store of 2,000 customers with subscriptions, events, readings and decisions is exported and copied under other ids,
with other billing days, until there are enough. Then two days are decided, by the rules of the tests (13, six of which
ask the past): an ordinary one, and one that is a moment of everybody. The first run of a process pays for Java and for
starting Python's workers, so a tiny run goes before. Needs the extra `spark` and Java.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from engine.distributed.export import export
from engine.distributed.layout import Snapshot, manifest_row
from engine.distributed.parquet import Folder
from engine.distributed.run import run
from engine.store.schema import upgrade
from engine.store.session import open_store
from engine.store.zones import shard_of
from tests.spark_world import NOW, RULES, filled

SEED_SIZE = 2_000
ORDINARY, EVERYBODY = dt.date(2026, 2, 10), dt.date(2026, 2, 28)
NAMED = ("customer.id", "subscription.id", "subject", "id")


def copied(table: pa.Table, number: int) -> pa.Table:
    """The same rows under other ids, billed from another day on."""
    for name in set(NAMED) & set(table.column_names):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.binary_join_element_wise(table[name], str(number), "/"))
    if "shard" in table.column_names:
        shards = pa.array([shard_of(key) for key in table["customer.id"].to_pylist()], pa.int64())
        table = table.set_column(table.column_names.index("shard"), "shard", shards)
    if (name := "subscription.started_on") in table.column_names:
        days = pc.subtract(table[name].cast(pa.int32()), number % 31).cast(pa.date32())
        table = table.set_column(table.column_names.index(name), name, days)
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


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def main(customers: int, master: str) -> None:
    place = Path(tempfile.mkdtemp(prefix="carpe-bench-"))
    try:
        upgrade(f"sqlite:///{place / 'carpe.db'}")
        store = open_store(f"sqlite:///{place / 'carpe.db'}")
        filled(store, SEED_SIZE)
        began = time.perf_counter()
        made = export(store, RULES.catalog, place / "seed", NOW)
        took = time.perf_counter() - began
        print(f"snapshot: {(made.customers + made.subscriptions + made.events) / took:,.0f} rows/s")
        grown(place / "seed", place / "state", customers // SEED_SIZE)
        held = made.subscriptions * (customers // SEED_SIZE)
        print(f"{customers:,} customers, {held:,} subscriptions; bytes a subscription:", end="")
        for name in ("customers", "subscriptions", "events", "decisions", "readings"):
            print(f" {name} {size_of(place / 'state' / name) / held:.0f}", end="")
        print()
        run(str(place / "seed"), RULES, ORDINARY, str(place / "warm"), NOW, master)
        for day in (ORDINARY, EVERYBODY):
            began = time.perf_counter()
            report = run(str(place / "state"), RULES, day, str(place / f"{day}"), NOW, master)
            took = time.perf_counter() - began
            due, rows = sum(report.moments.values()), report.total("offered") + report.total("held")
            told = f"{day}: {took:.1f} s, {held / took:,.0f} subscriptions/s; {due:,} due ({due / took:,.0f}/s)"
            print(f"{told}, {rows:,} decisions of {size_of(place / f'{day}' / 'decisions') / max(rows, 1):.0f} bytes")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    try:
        import pyspark  # noqa: F401
    except ImportError:
        print("Spark is not installed: pip install 'carpe[spark]'")
    else:
        main(int([*sys.argv[1:], 200_000][0]), [*sys.argv[1:], "local[2]", "local[2]"][1])
