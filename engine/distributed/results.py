"""What a day decided by Spark leaves in its folder, and what of it is told at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from engine.distributed.counting import by_result, counters, event_counters
from engine.distributed.decided import DECISION
from engine.distributed.deciding import AGAIN, EVENT
from engine.distributed.layout import BATCH_KEY, DECIDED, HAPPENED, Results, Snapshot
from engine.distributed.matching import DUE
from engine.distributed.tables import Tables, column
from engine.distributed.work import BatchKey, Work
from engine.passes.report import PassReport

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BATCH = tuple(name for name, _ in BATCH_KEY)
_EVENT_DAY = ("moment", "offset", "local_date")


def write_results(target: Tables, work: Work, snapshot: Snapshot, found: DataFrame, seen: DataFrame) -> PassReport:
    """Write what was found (`deciding.FOUND`) with the occurrences that were seen (`matching.looked`)."""
    from pyspark import StorageLevel

    found = found.persist(StorageLevel.DISK_ONLY)
    decided = found.filter(column("what") == DECISION).select(*DECIDED.names)
    decided.write.mode("overwrite").partitionBy("shard").parquet(f"{target.place}/decisions")
    met = found.filter(column("what") == EVENT).select(*HAPPENED.names)
    met.coalesce(1).write.mode("overwrite").parquet(f"{target.place}/events")
    scheduled = found.filter(column("event").isNull())
    due = {key: count for (key,), count in _sums(seen.filter(column(DUE).isNotNull()), _BATCH, DUE).items()}
    counted = _count(work, due, scheduled)
    target.write("counters", counted)
    report = _report(work, counted, due, found)
    events = _add_events(report, work, found.filter(column("event").isNotNull()))
    every = report.total("offered") + report.total("held") + report.total("held_out")
    manifest = Results(work.ruleset.digest, work.day, work.now, snapshot.moves_seen, snapshot.zones, every, events)
    target.write("manifest", manifest.table())
    for each in (found, seen):
        each.unpersist()
    return report


def _count(work: Work, due: dict[BatchKey, int], scheduled: DataFrame) -> pa.Table:
    """The counters of what came by the calendar."""
    again = _sums(_only(scheduled, AGAIN), _BATCH, "count", "rule")
    results = _sums(_only(scheduled, DECISION), _BATCH, None, "rule", "result")
    by_rule: dict[tuple[BatchKey, str, str], int] = {(key, *rest): count for (key, *rest), count in results.items()}
    return counters(work, due, {(key, rule): n for (key, rule), n in again.items()}, by_result(by_rule))


def _only(found: DataFrame, what: str) -> DataFrame:
    return found.filter(column("what") == what)


def _sums(found: DataFrame, keys: tuple[str, ...], of: str | None, *names: str) -> dict[tuple[Any, ...], int]:
    """Sums of a column by some keys and more columns; None counts rows."""
    from pyspark.sql import functions as f

    total = f.count(f.lit(1)) if of is None else f.sum(of)
    grouped = found.groupby(*keys, *names).agg(total.alias("sum"))
    rows = (tuple(row) for row in grouped.toLocalIterator())
    return {(row[: len(keys)], *row[len(keys) : -1]): row[-1] for row in rows}


def _add_events(report: PassReport, work: Work, happened: DataFrame) -> int:
    """Count what happened in the report; how many events (and delays after them) were met."""
    from pyspark.sql import functions as f

    events = _only(happened, EVENT)
    met = {key: count for (key,), count in _sums(events, _EVENT_DAY, "occurrences").items()}
    before = events.select(*_EVENT_DAY, f.explode("again").alias("rule"))
    again = {(key, rule): count for (key, rule), count in _sums(before, _EVENT_DAY, None, "rule").items()}
    results = _sums(_only(happened, DECISION), _EVENT_DAY, None, "rule", "result")
    counted = event_counters(work.plans, met, again, by_result({(k, *rest): n for (k, *rest), n in results.items()}))
    report.count(counted)
    for (moment, _, _), count in met.items():
        report.moments[moment] += count
    return int(events.count())


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
