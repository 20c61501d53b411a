"""Deciding some moments of the same customers together, and writing what became of them and what was missed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.decisions import ledger, reasons
from engine.decisions.batch_precedents import batch_precedents
from engine.decisions.occasions import Part, merge
from engine.decisions.priced_by import with_price_facts
from engine.decisions.results import matched_occurrences, outcome
from engine.decisions.written import written
from engine.passes.report import PassReport
from engine.pauses import paused
from engine.plans import Plans
from engine.store.inserts import insert
from engine.store.tables import missed as missed_table

Missed = Mapping[tuple[str, MomentUse, dt.date], int]
"""How many occurrences a rule was too late for, by moment and local day."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a step found: parts to decide, and what is too late."""

    parts: Sequence[Part]
    missed: Missed


def decide_due(connection: sa.Connection, plans: Plans, due: Due, now: dt.datetime, report: PassReport) -> None:
    """Write the decisions of a step and what it missed."""
    decide_parts(connection, plans, due.parts, now, report)
    _write_missed(connection, due.missed, report)


def decide_parts(
    connection: sa.Connection, plans: Plans, parts: Sequence[Part], now: dt.datetime, report: PassReport
) -> None:
    """Match, decide and write some moments of the same customers together."""
    if not parts:
        return
    batch = with_price_facts(connection, merge(parts, plans.rule_table), plans.price_facts)
    known = ledger.known(connection, batch.ids)
    taken = ledger.taken(connection, matched_occurrences(batch))
    told = batch_precedents(connection, batch, now, binding=True)
    decided = outcome(batch, known, taken, paused(connection), told)
    rows = written(decided, now, ruleset=plans.ruleset.digest, pass_id=report.pass_id)
    ledger.write(connection, plans.catalog, rows, now)
    report.add(rows)
    for part in parts:
        report.moments[part.use.moment] += part.occurrences()


def _write_missed(connection: sa.Connection, missed: Missed, report: PassReport) -> None:
    """Count what was too late: due and missed, with the reason, so that nobody disappears."""
    if not missed:
        return
    lines = [
        ledger.tally(rule, use, day, count, {}) | {"not_matched": 0, "missed": count, "pass_id": report.pass_id or 0}
        for (rule, use, day), count in missed.items()
    ]
    ledger.count(connection, lines)
    report.add_missed(lines, reasons.TOO_LATE)
    report.moments.update(_occurrences(missed))
    rows = [_row(line) for line in lines]
    statement = insert(connection, missed_table)
    more = {"occurrences": missed_table.c.occurrences + statement.excluded.occurrences}
    key = [column.name for column in missed_table.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=more), rows)


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    key = {name: line[name] for name in ("rule", "moment", "offset", "local_date", "pass_id")}
    return {**key, "reason": reasons.TOO_LATE, "occurrences": line["missed"]}


def _occurrences(missed: Missed) -> Counter[str]:
    """By moment; rules that missed the same occurrences count once."""
    most: dict[tuple[MomentUse, dt.date], int] = {}
    for (_, use, day), count in missed.items():
        most[use, day] = max(count, most.get((use, day), 0))
    found: Counter[str] = Counter()
    for (use, _), count in most.items():
        found[use.moment] += count
    return found
