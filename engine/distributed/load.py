"""Results brought back into the store, as a pass would have written them.

1. For each shard one transaction claims the batches of the day in the ledger, as every pass does: what was decided here
   meanwhile, or loaded before, is ours no more, and its rows are left out. A second load finds nothing to claim.
2. The decisions of the claimed batches are looked at again: a customer who was erased since is left out, a decision
   that is there already is not made twice, an occurrence that was won since is not won again. Counters follow.
3. The customers whose calendar had changed (`layout`), whom the run left alone, are decided here.

The claim says how much of `moves` the snapshot knew, so the next pass looks again at who became known or moved since.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import sqlalchemy as sa

from dsl.typed import MomentUse, Ruleset, Tag
from engine.decisions import ledger, reasons
from engine.decisions.effects import NO_EFFECTS
from engine.decisions.ledger import Written
from engine.decisions.tables import Occurrence
from engine.distributed.errors import AnotherFormat, AnotherRuleset, ResultsMissing
from engine.distributed.layout import FORMAT, Results, manifest_row
from engine.distributed.parquet import read_folder
from engine.moments.due import due_batch
from engine.moments.timeline import not_met_before
from engine.passes.claims import claim, claimed
from engine.passes.deciding import decide_parts
from engine.passes.report import PassReport
from engine.passes.this_pass import Check, Pass, Progress
from engine.plans import plans_of
from engine.store.bulk import among
from engine.store.documents import dump
from engine.store.inserts import columns_of
from engine.store.session import Store
from engine.store.tables import SHARDS, customers, decisions, deliveries, moves, offers, receipts

ROWS_AT_ONCE = 20_000

Line = dict[str, Any]
Batch = tuple[str, int, str]
"""moment, offset, zone: a batch of the shard"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A folder of results."""

    manifest: Results
    decisions: ds.Dataset
    counters: ds.Dataset


@dataclass(slots=True)
class _Shard:
    """What of a shard is ours, and what its counters lose or gain by what happened since."""

    number: int
    uses: Mapping[MomentUse, Sequence[str]]  # the zones of each moment that are claimed
    batches: frozenset[Batch]
    changed: dict[tuple[str, str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def note(self, line: Line, **changes: int) -> None:
        self.changed[line["rule"], line["moment"], line["offset"]].update(changes)


def open_results(path: str, ruleset: Ruleset) -> Loaded:
    """The results in a folder or at a URL; raises ResultsMissing, AnotherFormat or AnotherRuleset."""
    said, decided, counted = (read_folder(path, name) for name in ("manifest", "decisions", "counters"))
    if said is None or decided is None or counted is None:
        raise ResultsMissing(path)
    row = said.to_table().to_pylist()[0]
    if row.get("format") != FORMAT:
        raise AnotherFormat(path)
    manifest = Results(**manifest_row(row))
    if manifest.ruleset != ruleset.digest:
        raise AnotherRuleset()
    return Loaded(manifest, decided, counted)


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
            _write(connection, this, _still_right(connection, shard, lines), shard)
    _count(connection, this, results, shard)
    _decide_moved(connection, this, results, shard)


def _pieces(dataset: ds.Dataset, shard: _Shard) -> Iterator[list[Line]]:
    """The decisions of the shard's claimed batches, some at a time."""
    for batch in dataset.to_batches(filter=pc.field("shard") == shard.number, batch_size=ROWS_AT_ONCE):
        lines = [line for line in batch.to_pylist() if _batch_of(line) in shard.batches]
        if lines:
            yield lines


def _batch_of(line: Line) -> Batch:
    return line["moment"], line["offset"], line["zone"]


# --- once only, again ------------------------------------------------------------------------------------------------


def _still_right(connection: sa.Connection, shard: _Shard, lines: list[Line]) -> list[Line]:
    """Without what is there already or whose customer is gone; what another rule won since is held."""
    people = sorted({line["customer_id"] for line in lines})
    here = frozenset(connection.scalars(sa.select(customers.c.id).where(among(connection, customers.c.id, people))))
    known = ledger.known(connection, [line["id"] for line in lines])
    won = ledger.taken(connection, {_occurrence(line) for line in lines if line["slot"] is not None})
    found = []
    for line in lines:
        if line["customer_id"] not in here or line["id"] in known:
            shard.note(line, due=-1, **{_counted(line): -1})
        else:
            found.append(_held(shard, line, won.get(_occurrence(line))) if line["slot"] is not None else line)
    return found


def _held(shard: _Shard, line: Line, winner: str | None) -> Line:
    if winner is None:
        return line
    shard.note(line, **{_counted(line): -1, "held": 1})
    lost = {"result": "held", "reason": reasons.OUTRANKED, "detail": winner}
    receipt = json.loads(line["receipt"])
    for candidate in receipt["candidates"]:
        if candidate[0] == line["rule"]:
            candidate[2:] = lost.values()
    return line | lost | {"slot": None, "content": None, "made": None, "receipt": dump(receipt)}


def _occurrence(line: Line) -> Occurrence:
    return line["subject"], line["moment"], line["offset"], line["occurrence"]


def _counted(line: Line) -> str:
    """The counter of a result."""
    return line["result"] if line["result"] in ("held", "held_out") else "offered"


# --- what is written -------------------------------------------------------------------------------------------------


def _write(connection: sa.Connection, this: Pass, lines: Sequence[Line], shard: _Shard) -> None:
    promised = [_made(line, this.now) for line in lines if line["made"]]
    made = Written(
        decisions=columns_of(decisions, [_decision(line) | {"pass_id": this.report.pass_id} for line in lines]),
        receipts=columns_of(receipts, [{"decision_id": line["id"], "body": line["receipt"]} for line in lines]),
        deliveries=columns_of(deliveries, [row for line in lines for row in _deliveries(line)]),
        counters=(),
        tags=[change for line in lines for change in _tags(this.plans.ruleset, line)],
        effects=replace(NO_EFFECTS, offers=columns_of(offers, promised)),
    )
    ledger.write(connection, this.catalog, made, this.now)
    this.report.add(made)


def _made(line: Line, now: dt.datetime) -> Line:
    """The row of an offer, which stands from now on."""
    row: Line = json.loads(line["made"])
    ends = row["expires_at"]
    return row | {"made_at": now, "state_at": now, "expires_at": ends and dt.datetime.fromisoformat(ends)}


def _decision(line: Line) -> Line:
    stored = {column.name: line[column.name] for column in decisions.c if column.name != "pass_id"}
    return stored | {"channels": dump(line["channels"])}


def _deliveries(line: Line) -> Iterator[Line]:
    if line["content"] is None:
        return
    for channel in line["channels"]:
        yield {
            "decision_id": line["id"],
            "channel": channel,
            "customer_id": line["customer_id"],
            "state": "pending",
            "due_at": line["due_at"],
            "attempts": 0,
            "content": line["content"],
        }


def _tags(ruleset: Ruleset, line: Line) -> list[ledger.TagChange]:
    rule = ruleset.rule(line["rule"])
    if rule is None or line["result"] == "held":
        return []
    return [(line["customer_id"], action.tag, action.add) for action in rule.actions if isinstance(action, Tag)]


def _count(connection: sa.Connection, this: Pass, results: Loaded, shard: _Shard) -> None:
    """Counters of the claimed batches, summed over zones, with what changed since."""
    sums: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    occurrences: dict[Batch, int] = {}
    rows = results.counters.to_table(filter=pc.field("shard") == shard.number).to_pylist()
    for row in (row for row in rows if _batch_of(row) in shard.batches):
        sums[row["rule"], row["moment"], row["offset"]].update({name: row.get(name, 0) for name in ledger.COUNTS})
        occurrences[_batch_of(row)] = row["occurrences"]
    for key, changes in shard.changed.items():
        sums[key].update(changes)
    names = ("rule", "moment", "offset")
    stamp = {"local_date": this.report.as_of, "pass_id": this.report.pass_id}
    counted = [
        dict(zip(names, key, strict=True)) | stamp | {name: counts[name] for name in ledger.COUNTS}
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
