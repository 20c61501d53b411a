"""A day decided by Spark: the snapshot in, decisions and counters out.

    gate → first look (mapInArrow) → groups of customers (applyInArrow) → Parquet

1. The manifest says what the snapshot is of; batches of the day that were finished before are left out.
2. Spark finds who may be due by comparisons that it pushes down into the scan (`gates`, `states`).
3. Their rows are matched where they lie (`matching`): what matches nothing is counted and let go.
4. What is left is grouped by customer, with as much of the past as deciding asks. Each group is decided by itself
   (`deciding`), on whichever machine.
5. Decisions are written, counters made of the sums, and last of all the manifest: results without one do not count
   (`results`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from dsl.typed import Ruleset
from engine.distributed.deciding import FOUND, decide_group
from engine.distributed.errors import AnotherCatalog, AnotherFormat, AsksTheStore, FolderTaken, SnapshotMissing
from engine.distributed.layout import BATCH_KEY, FORMAT, OFFER_COUNTS, Snapshot, manifest_row
from engine.distributed.matching import DUE, GROUP, look, looked
from engine.distributed.remembering import asks_the_store
from engine.distributed.results import write_results
from engine.distributed.session import spark_session
from engine.distributed.states import States
from engine.distributed.tables import Tables, column, spark_type
from engine.distributed.work import Answers, BatchKey, Work, unpacked
from engine.passes.report import PassReport
from engine.store.reindex import catalog_digest
from engine.store.tables import SHARDS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CUSTOMERS_A_GROUP = 50_000
"""How many customers are decided in one go at most, on a day that concerns everybody."""

GROUPS_A_TASK = 4


def run(state: str, ruleset: Ruleset, day: dt.date, out: str, now: dt.datetime, master: str) -> PassReport:
    """Decide every customer's local `day` of a snapshot; the report has no pass, for nothing is in a store yet.

    Raises AsksTheStore, SnapshotMissing, AnotherFormat, AnotherCatalog, FolderTaken, SparkMissing, JavaMissing or
    SparkFailed.
    """
    if what := asks_the_store(ruleset):
        raise AsksTheStore(what)
    with spark_session(master) as spark:
        source, target = Tables(spark, state), Tables(spark, out.rstrip("/"))
        if target.has("manifest"):
            raise FolderTaken(out)
        snapshot = _snapshot(source, ruleset)
        work = Work(ruleset, day, now, frozenset(snapshot.paused), _done(source, day), _answers(source))
        if not work.uses and not work.happening:
            found, seen = (spark.createDataFrame([], spark_type(one)) for one in (FOUND, looked(work)))
        else:
            groups = -(-snapshot.customers // (SHARDS * CUSTOMERS_A_GROUP)) or 1
            found, seen = _decide(spark, States(source, work, groups), work, groups)
        return write_results(target, work, snapshot, found, seen)


def _snapshot(source: Tables, ruleset: Ruleset) -> Snapshot:
    if not source.has("manifest"):
        raise SnapshotMissing(source.place)
    row = source.one("manifest")
    if row.get("format") != FORMAT:
        raise AnotherFormat(source.place)
    found = Snapshot(**manifest_row(row))
    if found.catalog != catalog_digest(ruleset.catalog):
        raise AnotherCatalog()
    return found


def _done(source: Tables, day: dt.date) -> frozenset[BatchKey]:
    """The batches of a day that were finished before the snapshot."""
    rows = source.read("batches").filter(column("local_date") == day)
    return frozenset(tuple(row) for row in rows.select(*(name for name, _ in BATCH_KEY)).toLocalIterator())


def _answers(source: Tables) -> tuple[Answers, ...]:
    """What became of offers before the snapshot."""
    rows = source.read("offer_counts").select(*OFFER_COUNTS.names)
    return tuple(sorted(tuple(row) for row in rows.toLocalIterator()))


def _decide(spark: SparkSession, states: States, work: Work, groups: int) -> tuple[DataFrame, DataFrame]:
    """What was found (`FOUND`), and what the first look left of everybody (`matching.looked`)."""
    from pyspark import StorageLevel

    parts = max(SHARDS * groups // GROUPS_A_TASK, spark.sparkContext.defaultParallelism)
    spark.conf.set("spark.sql.shuffle.partitions", str(parts))
    packed = work.packed()
    seen = _plain(states.pairs()).mapInArrow(partial(_look, packed), spark_type(_slashed(looked(work))))
    seen = seen.persist(StorageLevel.DISK_ONLY)
    pairs = seen.filter(column(DUE).isNull())
    people = pairs.select(GROUP, column("customer/id").alias("customer.id")).distinct()
    past = _plain(states.past(people))
    both = pairs.groupby(GROUP).cogroup(past.groupby(GROUP))
    return both.applyInArrow(_of_group(packed), spark_type(FOUND)), seen


def _look(packed: bytes, stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    dotted = (pa.RecordBatch.from_arrays(each.columns, _dots(each.schema.names)) for each in stream)
    for left in look(unpacked(packed), dotted):
        yield from left.rename_columns(_slashed(left.schema).names).to_batches()


def _of_group(packed: bytes) -> Callable[[pa.Table, pa.Table], pa.Table]:
    return partial(_decide_packed, packed)


def _decide_packed(packed: bytes, pairs: pa.Table, past: pa.Table) -> pa.Table:
    pairs, past = (each.rename_columns(_dots(each.column_names)) for each in (pairs, past))
    return decide_group(unpacked(packed), pairs, past)


# Columns go by names that Spark's groups take: a dot would be a field of a column to them.


def _plain(frame: DataFrame) -> DataFrame:
    return frame.toDF(*(name.replace(".", "/") for name in frame.columns))


def _slashed(schema: pa.Schema) -> pa.Schema:
    return pa.schema([each.with_name(each.name.replace(".", "/")) for each in schema])


def _dots(names: Sequence[str]) -> list[str]:
    return [name.replace("/", ".") for name in names]
