"""Results brought back into the store, as a pass would have written them.

1. For each shard one transaction claims the batches of the day in the ledger, as every pass does: what was decided here
   meanwhile, or loaded before, is ours no more, and its rows are left out. A second load finds nothing to claim.
2. The decisions of the claimed batches are looked at again before they are written (`lines`).
3. The customers whose calendar had changed (`layout`), whom the run left alone, are decided here.
4. Events that still wait are marked as met, and their decisions written the same way (`load_events`).

The claim says how much of `moves` the snapshot knew, so the next pass looks again at who became known or moved since.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc
import pyarrow.dataset as ds
import sqlalchemy as sa

from dsl.typed import MomentUse, Ruleset
from engine.decisions import ledger
from engine.distributed.errors import AnotherFormat, AnotherRuleset, ResultsMissing
from engine.distributed.layout import FORMAT, Results, manifest_row
from engine.distributed.lines import Changes, CounterKey, Line, still_right, write
from engine.distributed.load_events import load_events
from engine.distributed.parquet import read_folder
from engine.moments.due import due_batch
from engine.moments.timeline import not_met_before
from engine.passes.claims import claim, claimed
from engine.passes.deciding import decide_parts
from engine.passes.report import PassReport
from engine.passes.this_pass import Check, Pass, Progress
from engine.plans import plans_of
from engine.store.session import Store
from engine.store.tables import SHARDS, moves

ROWS_AT_ONCE = 20_000

Batch = tuple[str, int, str]
"""moment, offset, zone: a batch of the shard"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A folder of results."""

    manifest: Results
    decisions: ds.Dataset
    counters: ds.Dataset
    events: ds.Dataset


@dataclass(slots=True)
class _Shard:
    """What of a shard is ours, and what its counters lose or gain by what happened since."""

    number: int
    uses: Mapping[MomentUse, Sequence[str]]  # the zones of each moment that are claimed
    batches: frozenset[Batch]
    changed: Changes = field(default_factory=dict)


def open_results(path: str, ruleset: Ruleset) -> Loaded:
    """The results in a folder or at a URL; raises ResultsMissing, AnotherFormat or AnotherRuleset."""
    said = read_folder(path, "manifest")
    if said is None:
        raise ResultsMissing(path)
    row = said.to_table().to_pylist()[0]
    if row.get("format") != FORMAT:
        raise AnotherFormat(path)
    decided, counted, happened = (read_folder(path, name) for name in ("decisions", "counters", "events"))
    if decided is None or counted is None or happened is None:
        raise ResultsMissing(path)
    manifest = Results(**manifest_row(row))
    if manifest.ruleset != ruleset.digest:
        raise AnotherRuleset()
    return Loaded(manifest, decided, counted, happened)


def load(
    store: Store,
    ruleset: Ruleset,
    results: Loaded,
    now: dt.datetime,
    *,
    progress: Progress = lambda done, total, rows=0: None,
    check: Check = lambda connection: None,
) -> PassReport:
    """Write what is not in the store yet, as one pass. Loading again, or what was cut short, repeats nothing."""
    this = Pass(store, plans_of(ruleset), now, "day", PassReport(None, results.manifest.day), check)
    for shard in range(SHARDS):
        progress(shard, SHARDS)
        if _is_open(this, results.manifest, shard):
            with this.write() as connection:
                _load_shard(connection, this, results, shard)
        if results.manifest.events:
            load_events(this, results.events, results.decisions, shard)
    this.finish()
    progress(SHARDS, SHARDS)
    return this.report


def _is_open(this: Pass, manifest: Results, shard: int) -> bool:
    """Whether any batch of the shard is still to be claimed."""
    uses = this.plans.scheduled(manifest.day)
    with this.store.read() as connection:
        done = claimed(connection, uses, manifest.day, shard)
    return any(not set(manifest.zones) <= set(done.get(use, ())) for use in uses)


def _load_shard(connection: sa.Connection, this: Pass, results: Loaded, number: int) -> None:
    day, manifest = results.manifest.day, results.manifest
    mine = claim(
        connection, this, this.plans.scheduled(day), day, manifest.zones, number, moves_seen=manifest.moves_seen
    )
    if not mine:
        return
    batches = frozenset((use.moment, use.distance, zone) for use, zones in mine.items() for zone in zones)
    shard = _Shard(number, mine, batches)
    if manifest.decisions:
        for lines in _pieces(results.decisions, shard):
            write(connection, this, still_right(connection, lines, shard.changed))
    _count(connection, this, results, shard)
    _decide_moved(connection, this, results, shard)


def _pieces(dataset: ds.Dataset, shard: _Shard) -> Iterator[list[Line]]:
    """The decisions of the shard's claimed batches, some at a time."""
    for batch in dataset.to_batches(filter=pc.field("shard") == shard.number, batch_size=ROWS_AT_ONCE):
        lines = [line for line in batch.to_pylist() if line["event"] is None and _batch_of(line) in shard.batches]
        if lines:
            yield lines


def _batch_of(line: Line) -> Batch:
    return line["moment"], line["offset"], line["zone"]


# --- counters --------------------------------------------------------------------------------------------------------


def _count(connection: sa.Connection, this: Pass, results: Loaded, shard: _Shard) -> None:
    """Counters of the claimed batches, summed over zones, with what changed since."""
    day = this.report.as_of
    sums: dict[CounterKey, Counter[str]] = defaultdict(Counter)
    occurrences: dict[Batch, int] = {}
    rows = results.counters.to_table(filter=pc.field("shard") == shard.number).to_pylist()
    for row in (row for row in rows if _batch_of(row) in shard.batches):
        sums[row["rule"], row["moment"], row["offset"], day].update({name: row.get(name, 0) for name in ledger.COUNTS})
        occurrences[_batch_of(row)] = row["occurrences"]
    for key, changes in shard.changed.items():
        sums[key].update(changes)
    names = ("rule", "moment", "offset", "local_date")
    counted = [
        dict(zip(names, key, strict=True))
        | {"pass_id": this.report.pass_id}
        | {name: counts[name] for name in ledger.COUNTS}
        for key, counts in sorted(sums.items())
    ]
    ledger.count(connection, counted)
    this.report.count(counted)
    for (moment, _, _), count in occurrences.items():
        this.report.moments[moment] += count


# --- whom the run left alone -----------------------------------------------------------------------------------------


def _decide_moved(connection: sa.Connection, this: Pass, results: Loaded, shard: _Shard) -> None:
    """Decide the customers whose calendar had changed before the snapshot."""
    moved = sa.select(moves.c.customer_id).distinct()
    theirs = moved.where(
        moves.c.shard == shard.number, moves.c.before.is_not(None), moves.c.number <= results.manifest.moves_seen
    )
    people = connection.scalars(theirs.order_by(moves.c.customer_id)).all()
    day, parts = results.manifest.day, []
    for use, zones in shard.uses.items() if people else ():
        rules = this.plans.listening(use, day)
        reads = this.plans.reads(use, this.plans.plan_of(use, rules))
        table = due_batch(connection, this.catalog, use, day, zones, shard.number, reads, only=people)
        table = not_met_before(connection, this.catalog, use, day, shard.number, table)
        if table.num_rows:
            parts.append(this.part(connection, use, day, table, rules))
    decide_parts(connection, this.plans, parts, this.now, this.report)
