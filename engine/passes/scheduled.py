"""One shard of one local day: claimed, matched, decided and written in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pyarrow as pa
import sqlalchemy as sa

from dsl.typed import MomentUse, Rule
from engine.decisions.occasions import Part, occurrences
from engine.moments.calendar import due_instant
from engine.moments.due import due_batch
from engine.moments.timeline import not_met_before
from engine.passes.claims import claim, knows_newest
from engine.passes.deciding import Due, decide_due
from engine.passes.this_pass import Pass


def decide_shard(connection: sa.Connection, this: Pass, day: dt.date, zones: Sequence[str], shard: int) -> None:
    """Claim what the shard has left to do on a local day, decide what is in time and count what is too late."""
    mine = claim(connection, this, this.plans.scheduled(day), day, zones, shard)
    if not mine:
        return
    due = _due(connection, this, mine, day, shard)
    while not knows_newest(connection, this, day, shard):
        due = _due(connection, this, mine, day, shard)
    decide_due(connection, this.plans, due, this.now, this.report)


def _due(
    connection: sa.Connection, this: Pass, claimed: Mapping[MomentUse, Sequence[str]], day: dt.date, shard: int
) -> Due:
    """What the shard has to decide in the zones that are claimed for each moment, and what is too late."""
    parts: list[Part] = []
    missed: dict[tuple[str, MomentUse, dt.date], int] = {}
    for use, zones in claimed.items():
        listening = this.plans.listening(use, day)
        for rules, here in by_lateness(this, listening, day, zones):
            table = due_table(connection, this, use, day, here, shard, rules)
            if table.num_rows:
                if rules:
                    parts.append(this.part(connection, use, day, table, rules))
                for rule in without(listening, rules):
                    missed[rule.name, use, day] = missed.get((rule.name, use, day), 0) + occurrences(table)
    return Due(parts, missed)


def by_lateness(
    this: Pass, listening: tuple[Rule, ...], day: dt.date, zones: Sequence[str]
) -> list[tuple[tuple[Rule, ...], list[str]]]:
    """The rules that may still act on a day, and the zones where it is just these."""
    send_at = this.catalog.policies.send_at
    found: dict[tuple[str, ...], tuple[tuple[Rule, ...], list[str]]] = {}
    for zone in zones:
        rules = this.in_time(listening, due_instant(day, send_at, zone), zone)
        found.setdefault(tuple(rule.name for rule in rules), (rules, []))[1].append(zone)
    return list(found.values())


def without(rules: tuple[Rule, ...], some: tuple[Rule, ...]) -> list[Rule]:
    """The rules but for some of them."""
    names = {rule.name for rule in some}
    return [rule for rule in rules if rule.name not in names]


def due_table(
    connection: sa.Connection,
    this: Pass,
    use: MomentUse,
    day: dt.date,
    zones: Sequence[str],
    shard: int,
    rules: tuple[Rule, ...],
    *,
    only: Sequence[str] | None = None,
) -> pa.Table:
    """The due set as a batch, with the columns that the rules read (none where there are no rules).

    `only` are ids of customers whose calendar changed after the batches of the day were finished.
    """
    reads = this.plans.reads(use, this.plans.plan_of(use, rules)) if rules else ()
    table = due_batch(connection, this.catalog, use, day, zones, shard, reads, only=only)
    return not_met_before(connection, this.catalog, use, day, shard, table, late=only is not None)
