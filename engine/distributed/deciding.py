"""A group of customers decided on one of many machines, with the very functions of a pass.

1. The pairs (customer, subscription) are looked at moment by moment (`moments.due`), exactly.
2. The past is put into tables in memory and asked as ever (`past`, `happenings`).
3. Matches are merged by customer, decided, and told in rows (`decisions`).

Nothing of a group depends on any other, nor on the order of rows. What comes out is one table of three kinds: a
`decision` (`layout.DECIDED`), how many occurrences were `due` in a batch, and how many matches of a rule were decided
`again`. Counters are made of these where everything is known (`counting`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from dsl.catalog import Owner
from dsl.typed import MomentUse
from engine.decisions import ledger
from engine.decisions.batch_precedents import batch_precedents
from engine.decisions.occasions import Batch, Part, merge
from engine.decisions.results import matched_occurrences, outcome
from engine.decisions.written import written
from engine.distributed.layout import BATCH_KEY, DECIDED
from engine.distributed.past import at_hand
from engine.distributed.work import BatchKey, Work, event_columns
from engine.happenings.history import with_history
from engine.moments.due import due_among
from engine.store.documents import Json, dump
from engine.store.snapshot.pairs import KEYS, coded
from engine.store.zones import shard_of

DECISION, DUE, AGAIN = "decision", "due", "again"

FOUND = pa.schema([("what", pa.string()), *DECIDED, ("count", pa.int64())])


def decide_group(work: Work, pairs: pa.Table, past: pa.Table) -> pa.Table:
    """What becomes of some customers (`FOUND`): all their `pairs` (`Work.columns`), all their `past` (`past.PAST`)."""
    pairs = pairs.select(work.columns().names).cast(work.columns())
    pairs = coded(pairs.sort_by([(name, "ascending") for name in KEYS]), work.attributes())
    with at_hand(past) as connection:
        parts = []
        for use in work.uses:
            table = _due(work, use, pairs)
            if table.num_rows:
                plan, rules = work.plan(use), work.plans.rules_of(use)
                full = with_history(connection, work.ruleset.catalog, table, plan.terms, work.day)
                parts.append(Part(use, work.day, full, plan, rules))
        if not parts:
            return FOUND.empty_table()
        batch = merge(parts, work.plans.rule_table)
        known = ledger.known(connection, batch.ids)
        taken = ledger.taken(connection, matched_occurrences(batch))
        told = batch_precedents(connection, batch, work.now, binding=False)
    keys = [key for part in parts for key in _batch_keys(part.use, part.table)]
    decided = outcome(batch, known, taken, work.paused, told)
    rows = written(decided, work.now, ruleset=work.ruleset.digest, pass_id=None)
    lines = [*_decisions(rows, [keys[row] for row in decided.decided.candidates.row.tolist()])]
    lines += [*_counts(DUE, _occurrences(parts)), *_counts(AGAIN, _again(batch, keys, known))]
    return pa.Table.from_pylist(lines, FOUND)


def _due(work: Work, use: MomentUse, pairs: pa.Table) -> pa.Table:
    """The occurrences of a moment, without those whose batch was finished before."""
    stored = [one for one in work.reads(use) if one.owner is not Owner.EVENT]
    table = due_among(work.ruleset.catalog, use, work.day, pairs, stored)
    for field in event_columns(work, use):
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    if work.done and table.num_rows:
        fresh = [key not in work.done for key in _batch_keys(use, table)]
        table = table.filter(pa.array(fresh, pa.bool_()))
    return table


def _batch_keys(use: MomentUse, table: pa.Table) -> list[BatchKey]:
    """The batch of each row."""
    people = zip(table["zone"].to_pylist(), table["customer"].to_pylist(), strict=True)
    return [(use.moment, use.distance, zone, shard_of(customer)) for zone, customer in people]


# --- what comes out --------------------------------------------------------------------------------------------------


def _decisions(rows: ledger.Written, keys: Sequence[BatchKey]) -> Iterator[dict[str, Any]]:
    promised = rows.effects.offers.to_pylist() if rows.effects.offers is not None else []
    made = {row["id"]: dump(_promised(row)) for row in promised}
    content = dict(zip(rows.deliveries["decision_id"].to_pylist(), rows.deliveries["content"].to_pylist(), strict=True))
    for decision, body, key in zip(rows.decisions.to_pylist(), rows.receipts["body"].to_pylist(), keys, strict=True):
        yield {
            **decision,
            "channels": json.loads(decision["channels"]),
            "what": DECISION,
            "zone": key[2],
            "shard": key[3],
            "receipt": body,
            "content": content.get(decision["id"]),
            "made": made.get(decision["id"]),
        }


def _promised(row: dict[str, Any]) -> dict[str, Json]:
    """A row of the table of offers, to be stamped when it is written."""
    ends = row["expires_at"]
    own = {name: value for name, value in row.items() if name not in ("made_at", "state_at", "expires_at")}
    return own | {"expires_at": None if ends is None else ends.isoformat()}


def _counts(what: str, found: Counter[tuple[BatchKey, str | None]]) -> Iterator[dict[str, Any]]:
    names = [name for name, _ in BATCH_KEY]
    for (key, rule), count in found.items():
        yield {"what": what, "rule": rule, "count": count, **dict(zip(names, key, strict=True))}


def _occurrences(parts: Sequence[Part]) -> Counter[tuple[BatchKey, str | None]]:
    """How many occurrences are due, by batch; a customer's moment has a row for each subscription."""
    found: Counter[tuple[BatchKey, str | None]] = Counter()
    for part in parts:
        names = ["zone", "customer", "subject", "occurrence"]
        distinct = part.table.select(names).group_by(names).aggregate([])
        found.update((key, None) for key in _batch_keys(part.use, distinct))
    return found


def _again(batch: Batch, keys: Sequence[BatchKey], known: Collection[str]) -> Counter[tuple[BatchKey, str | None]]:
    """How many matches were decided before, by batch and rule."""
    found: Counter[tuple[BatchKey, str | None]] = Counter()
    if not known:
        return found
    seen = {
        (keys[row], batch.rules.rules[rule].name, one)
        for row, rule, one in zip(batch.row.tolist(), batch.rule.tolist(), batch.ids, strict=True)
        if one in known
    }
    found.update((key, rule) for key, rule, _ in seen)
    return found
