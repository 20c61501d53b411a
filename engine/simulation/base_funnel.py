"""The funnel of one rule over the whole base: who would match if its moment came to everybody on a day.

Clause by clause in the author's order, exact, for every (customer, subscription or none) pair that the rule's moments
could concern. Shard by shard and block by block, so memory does not grow with the base; each block's rows are counted
in the batch form's bits, without naming one of them. Each shard is a short transaction of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dsl.catalog import Catalog, Owner
from dsl.typed import All, Condition, MomentUse, Not, Rule, Ruleset
from dsl.wording import sentence
from engine.happenings.history import with_history
from engine.matching.outline import Entry, outline
from engine.matching.plan import Plan
from engine.moments.calendar import due_instant
from engine.moments.gate import gate_of
from engine.moments.subjects import SCHEMA, beside
from engine.store.columns import ARROW, keys_of
from engine.store.session import Store
from engine.store.snapshot.everybody import everybody
from engine.store.tables import SHARDS

PAST_BLOCK = 20_000
"""Rows whose past is asked for at once."""

Progress = Callable[[int], None]
"""rows looked at so far"""


@dataclass(frozen=True, slots=True)
class FunnelClause:
    """How many rows a clause is true of, false of, or left open by a missing value, each clause by itself.

    `left` are those of whom it and everything before it is true; None inside a part (an `or`, a `not`, a segment).
    """

    text: str
    depth: int
    true: int
    false: int
    missing: int
    left: int | None


@dataclass(frozen=True, slots=True)
class BaseFunnel:
    """Rows are pairs: a subscription with its customer, or a customer without any. `concerned` by the `while:`."""

    rule: str
    sentence: str
    day: dt.date
    base: int
    concerned: int
    matched: int
    clauses: tuple[FunnelClause, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}


def base_funnel(
    store: Store, ruleset: Ruleset, rule: Rule, day: dt.date, progress: Progress = lambda rows: None
) -> BaseFunnel:
    """Everybody on their local `day`, whatever is due then. Writes nothing."""
    count = _Count(rule, day, ruleset.catalog)
    for shard in range(SHARDS):
        with store.read() as connection:
            for block in everybody(connection, ruleset.catalog, count.stored, shard):
                count.base += block.num_rows
                for rows in count.concerned_rows(block):
                    table = with_history(connection, ruleset.catalog, rows, count.plan.terms, day)
                    count.totals += count.plan.count_batch(table, day)
                progress(count.base)
    return count.result()


class _Count:
    """The rule as questions to count: each clause, its negation, and all clauses up to it; and the counts so far."""

    def __init__(self, rule: Rule, day: dt.date, catalog: Catalog) -> None:
        self.rule, self.day, self.catalog = rule, day, catalog
        self.entries = list(_with_before(rule.condition))
        asked = [each for entry, before in self.entries for each in (entry.condition, Not(entry.condition), before)]
        self.plan = Plan([*asked, rule.condition, All(())])
        self.stored = [one for one in self.plan.attributes if one.owner is not Owner.EVENT]
        self.totals = np.zeros(len(asked) + 2, np.int64)
        self.base = 0

    def concerned_rows(self, block: pa.Table) -> Iterator[pa.Table]:
        """Those that any of the rule's moments could concern, with the keys of a batch where the past is asked."""
        wanted = np.any([_concerned(self.catalog, use, self.day, block) for use in self.rule.moments], axis=0)
        rows = self._of_no_event(block if wanted.all() else block.filter(pa.array(wanted)))
        if not self.plan.terms:
            yield rows
            return
        for start in range(0, rows.num_rows, PAST_BLOCK):
            some = rows.slice(start, PAST_BLOCK)
            yield beside(_keys(some, self.rule.moments[0], self.day, self.catalog), some.drop_columns("zone"))

    def _of_no_event(self, rows: pa.Table) -> pa.Table:
        """With what the rule asks of an event, which nobody has had yet."""
        for one in self.plan.attributes:
            if one.owner is Owner.EVENT:
                types = [ARROW.get(one.type.kind, pa.int64()), pa.string()]
                for key, type_ in zip(keys_of(one), types, strict=False):
                    rows = rows.append_column(key, pa.nulls(rows.num_rows, type_))
        return rows

    def result(self) -> BaseFunnel:
        *counts, matched, concerned = self.totals.tolist()
        threes = zip(counts[::3], counts[1::3], counts[2::3], strict=True)
        clauses = tuple(
            FunnelClause(
                entry.text, entry.depth, true, false, concerned - true - false, None if before is _NOTHING else left
            )
            for (entry, before), (true, false, left) in zip(self.entries, threes, strict=True)
        )
        notes = tuple(_notes(self.plan))
        return BaseFunnel(self.rule.name, sentence(self.rule), self.day, self.base, concerned, matched, clauses, notes)


_NOTHING: Condition = All(())


def _with_before(condition: Condition) -> Iterator[tuple[Entry, Condition]]:
    """Each entry of the condition with all the author's clauses up to it; with `_NOTHING` inside a part."""
    items = condition.items if isinstance(condition, All) else (condition,)
    top, number = int(isinstance(condition, All)), 0
    for entry in outline(condition):
        if entry.depth == top:
            number += 1
        if entry.depth >= top and condition != All(()):
            inner = entry.depth > top
            yield entry._replace(depth=entry.depth - top), _NOTHING if inner else All(items[:number])


def _concerned(catalog: Catalog, use: MomentUse, day: dt.date, block: pa.Table) -> Any:
    gate = gate_of(catalog, use, day)
    which, status = block["subscription.id"].combine_chunks(), block["status"].unify_dictionaries().combine_chunks()
    passes = gate.concerned(pa.record_batch([which, status], ["which", "status"]))
    if gate.owner is Owner.SUBSCRIPTION:
        passes = passes & np.asarray(which.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    return passes


def _keys(rows: pa.Table, use: MomentUse, day: dt.date, catalog: Catalog) -> pa.Table:
    """The key columns of a batch in which everybody meets the moment."""
    zones = rows["zone"].unify_dictionaries().combine_chunks()
    instants = [due_instant(day, catalog.policies.send_at, zone) for zone in zones.dictionary.to_pylist()]
    size = rows.num_rows
    columns = [
        pa.repeat(pa.scalar(use.moment), size),
        pa.array(np.full(size, use.distance, np.int32)),
        rows["customer.id"],
        rows["customer.id"],
        rows["subscription.id"],
        pa.repeat(pa.scalar("if it came"), size),
        zones.cast(pa.string()),
        pa.array(instants, SCHEMA.field("due_at").type).take(zones.indices),
    ]
    return pa.table(columns, SCHEMA)


def _notes(plan: Plan) -> Sequence[str]:
    if any(one.owner is Owner.EVENT for one in plan.attributes):
        return ["What the event will say is not known before it happens: clauses that ask it count as missing."]
    return []
