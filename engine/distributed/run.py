"""A day decided by Spark: the snapshot in, decisions and counters out.

1. The manifest says what the snapshot is of; batches of the day that were finished before are left out.
2. Spark finds who is due and what is known of them (`states`), grouped by customer.
3. Each group is decided by itself (`deciding`), on whichever machine.
4. Decisions are written, counters made of the sums, and last of all the manifest: results without one do not count.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dsl.typed import Ruleset
from engine.distributed.counting import by_result, counters, event_counters
from engine.distributed.deciding import AGAIN, DECISION, DUE, EVENT, FOUND, decide_group
from engine.distributed.errors import AnotherCatalog, AnotherFormat, AsksTheStore, FolderTaken, SnapshotMissing
from engine.distributed.layout import BATCH_KEY, DECIDED, FORMAT, HAPPENED, Results, Snapshot, manifest_row
from engine.distributed.remembering import asks_the_store
from engine.distributed.session import spark_session
from engine.distributed.states import GROUP, States
from engine.distributed.tables import Tables, column, spark_type
from engine.distributed.work import BatchKey, Work, unpacked
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

    Raises AsksTheStore, SnapshotMissing, AnotherCatalog, FolderTaken, SparkMissing, JavaMissing, SparkFailed.
    """
    if what := asks_the_store(ruleset):
        raise AsksTheStore(what)
    with spark_session(master) as spark:
        source, target = Tables(spark, state), Tables(spark, out.rstrip("/"))
        if target.has("manifest"):
            raise FolderTaken(out)
        snapshot = _snapshot(source, ruleset)
        work = Work(ruleset, day, now, frozenset(snapshot.paused), _done(source, day))
        if not work.uses and not work.happening:
            return _finish(spark, target, work, snapshot, spark.createDataFrame([], spark_type(FOUND)))
        groups = -(-snapshot.customers // (SHARDS * CUSTOMERS_A_GROUP)) or 1
        return _finish(spark, target, work, snapshot, _decide(spark, States(source, work, groups), work, groups))


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


def _decide(spark: SparkSession, states: States, work: Work, groups: int) -> DataFrame:
    parts = max(SHARDS * groups // GROUPS_A_TASK, spark.sparkContext.defaultParallelism)
    spark.conf.set("spark.sql.shuffle.partitions", str(parts))
    pairs, past = (_without_dots(each) for each in (states.pairs(), states.past()))
    both = pairs.groupby(GROUP).cogroup(past.groupby(GROUP))
    return both.applyInArrow(_of_group(work.packed()), spark_type(FOUND))


def _of_group(packed: bytes) -> Callable[[pa.Table, pa.Table], pa.Table]:
    return partial(_decide_packed, packed)


def _decide_packed(packed: bytes, pairs: pa.Table, past: pa.Table) -> pa.Table:
    return decide_group(unpacked(packed), _with_dots(pairs), _with_dots(past))


def _without_dots(frame: DataFrame) -> DataFrame:
    """The same columns by names that Spark's groups take: a dot would be a field of a column to them."""
    return frame.toDF(*(name.replace(".", "/") for name in frame.columns))


def _with_dots(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.replace("/", ".") for name in table.column_names])


# --- what is written -------------------------------------------------------------------------------------------------

_EVENT_DAY = ("moment", "offset", "local_date")


def _finish(spark: SparkSession, target: Tables, work: Work, snapshot: Snapshot, found: DataFrame) -> PassReport:
    from pyspark import StorageLevel

    found = found.persist(StorageLevel.DISK_ONLY)
    decided = found.filter(column("what") == DECISION).select(*DECIDED.names)
    decided.write.mode("overwrite").partitionBy("shard").parquet(f"{target.place}/decisions")
    met = found.filter(column("what") == EVENT).select(*HAPPENED.names)
    met.coalesce(1).write.mode("overwrite").parquet(f"{target.place}/events")
    scheduled = found.filter(column("event").isNull())
    keys = tuple(name for name, _ in BATCH_KEY)
    due = {key: count for (key,), count in _sums(scheduled, keys, DUE).items()}
    again = {(key, rule): count for (key, rule), count in _sums(scheduled, keys, AGAIN, "rule").items()}
    results = {
        (key, *rest): count for (key, *rest), count in _sums(scheduled, keys, DECISION, "rule", "result").items()
    }
    table = counters(work, due, again, by_result(results))
    target.write("counters", table)
    report = _report(work, table, due, found)
    events = _add_events(report, work, found.filter(column("event").isNotNull()))
    every = report.total("offered") + report.total("held") + report.total("held_out")
    manifest = Results(work.ruleset.digest, work.day, work.now, snapshot.moves_seen, snapshot.zones, every, events)
    target.write("manifest", manifest.table())
    found.unpersist()
    return report


def _sums(found: DataFrame, keys: tuple[str, ...], what: str, *names: str) -> dict[tuple[Any, ...], int]:
    """Counts by some keys and more columns: of decisions one a row, of the others what they say."""
    from pyspark.sql import functions as f

    count = f.count(f.lit(1)) if what == DECISION else f.sum("occurrences" if what == EVENT else "count")
    grouped = found.filter(column("what") == what).groupby(*keys, *names).agg(count.alias("sum"))
    rows = (tuple(row) for row in grouped.toLocalIterator())
    return {(row[: len(keys)], *row[len(keys) : -1]): row[-1] for row in rows}


def _add_events(report: PassReport, work: Work, happened: DataFrame) -> int:
    """Count what happened in the report; how many events (and delays after them) were met."""
    from pyspark.sql import functions as f

    met = {key: count for (key,), count in _sums(happened, _EVENT_DAY, EVENT).items()}
    before = happened.filter(column("what") == EVENT).select(*_EVENT_DAY, f.explode("again").alias("rule"))
    again = {(tuple(row[:3]), row[3]): row[4] for row in before.groupby(*_EVENT_DAY, "rule").count().collect()}
    results = _sums(happened, _EVENT_DAY, DECISION, "rule", "result")
    counted = event_counters(work.plans, met, again, by_result({(k, *rest): n for (k, *rest), n in results.items()}))
    report.count(counted)
    for (moment, _, _), count in met.items():
        report.moments[moment] += count
    return int(happened.filter(column("what") == EVENT).count())


def _report(work: Work, table: pa.Table, due: dict[BatchKey, int], found: DataFrame) -> PassReport:
    report = PassReport(None, work.day)
    report.count({"missed": 0, **row} for row in table.to_pylist())
    report.moments = Counter()
    for key, count in due.items():
        report.moments[key[0]] += count
    contacts = found.filter("slot is not null").selectExpr("sum(size(channels)) as contacts").first()
    report.contacts = (contacts and contacts["contacts"]) or 0
    held = found.filter("what = 'decision' and reason is not null").groupby("reason").count()
    report.held = Counter({row["reason"]: row["count"] for row in held.collect()})
    return report
