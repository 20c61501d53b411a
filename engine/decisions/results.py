"""What a decided batch leaves behind: the rows that `ledger.write` inserts. Pure: the caller reads and writes."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog
from dsl.typed import Rule, Say, Tag
from engine.decisions.allot import allot
from engine.decisions.decide import Occurrence, decide
from engine.decisions.identity import decision_id
from engine.decisions.ledger import Written, tally
from engine.decisions.occasions import KEYS, Batch, event_properties
from engine.decisions.receipts import Candidate, receipt
from engine.privacy import Row, personal_keys
from engine.store.documents import encode

Line = Mapping[str, Any]
"""One candidate: a row of `decide.SCHEMA` with the batch's keys of its row."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decided batch: candidates by occasion and rank, and how many matches of a part's rule were decided before."""

    batch: Batch
    lines: Sequence[Line]
    repeats: Mapping[tuple[int, str], int]  # (part, rule)


def matched_ids(batch: Batch) -> list[str]:
    """The decision id of each match of the batch."""
    subject, key = batch.table["subject"].to_pylist(), batch.table["occurrence"].to_pylist()
    pairs = zip(batch.matches["row"].to_pylist(), batch.matches["rule"].to_pylist(), strict=True)
    return [decision_id(batch.rules[rule].name, subject[row], key[row]) for row, rule in pairs]


def matched_occurrences(batch: Batch) -> set[Occurrence]:
    """The occurrences that any rule of the batch matched."""
    rows = batch.table.take(pc.unique(batch.matches["row"]))
    names = ("subject", "moment", "offset", "occurrence")
    return set(zip(*(rows[name].to_pylist() for name in names), strict=True))


def outcome(
    batch: Batch,
    catalog: Catalog,
    known: Collection[str],
    taken: Mapping[Occurrence, str],
    paused: Collection[str] = (),
) -> Outcome:
    """Decide what was not decided before: `known` are ids of decisions that are there, `taken` occurrences won.

    `paused` are names of rules.
    """
    ids = matched_ids(batch)
    fresh = np.array([each not in known for each in ids], bool)
    matches = batch.matches.filter(pa.array(fresh))
    candidates = allot(decide(batch.table, matches, batch.rules, catalog, taken, paused))
    keys = batch.table.select(KEYS).take(candidates["row"]).to_pylist()
    lines = [candidate | key for candidate, key in zip(candidates.to_pylist(), keys, strict=True)]
    return Outcome(batch, lines, _repeats(batch, ids, fresh))


def _repeats(batch: Batch, ids: Sequence[str], fresh: np.ndarray[Any, Any]) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    rows, rules = batch.matches["row"].to_pylist(), batch.matches["rule"].to_pylist()
    for index in np.flatnonzero(~fresh).tolist():
        found[batch.part_of(rows[index]), batch.rules[rules[index]].name].add(ids[index])
    return {key: len(each) for key, each in found.items()}


def written(decided: Outcome, catalog: Catalog, now: dt.datetime, *, ruleset: str, pass_id: int | None) -> Written:
    """Every row to insert for a decided batch. `ruleset` is its digest."""
    batch = decided.batch
    stamp = {"decided_at": now, "ruleset": ruleset, "pass_id": pass_id}
    decisions = [_decision(line, batch) | stamp for line in decided.lines]
    states = batch.states([line["row"] for line in decided.lines], catalog)
    return Written(
        decisions=decisions,
        receipts=_receipts(decided, decisions, states, personal_keys(catalog)),
        deliveries=[
            row
            for decision, line, state in zip(decisions, decided.lines, states, strict=True)
            for row in _deliveries(decision, batch.rules[line["rule"]], state, catalog)
        ],
        counters=[row | {"pass_id": pass_id or 0} for row in _counters(decided)],
        tags=_tags(decided),
    )


def _decision(line: Line, batch: Batch) -> dict[str, Any]:
    rule, part = batch.rules[line["rule"]], batch.parts[batch.part_of(line["row"])]
    return {
        "id": decision_id(rule.name, line["subject"], line["occurrence"]),
        "rule": rule.name,
        "moment": line["moment"],
        "offset": line["offset"],
        "subject": line["subject"],
        "occurrence": line["occurrence"],
        "customer_id": line["customer"],
        "subscription_id": line["subscription"],
        "result": line["result"],
        "reason": line["reason"],
        "detail": line["detail"],
        "offer": line["product"],
        "channels": list(line["channels"]),
        "slot": line["slot"],
        "local_date": part.day,
        "due_at": line["due_at"],
    }


def _receipts(
    decided: Outcome, decisions: Sequence[dict[str, Any]], states: Sequence[Row], personal: frozenset[str]
) -> list[dict[str, Any]]:
    rules = decided.batch.rules
    rivals: dict[tuple[str, dt.datetime], list[Candidate]] = defaultdict(list)
    for decision, line in zip(decisions, decided.lines, strict=True):
        rule = rules[line["rule"]]
        rivals[decision["customer_id"], decision["due_at"]].append(
            (rule.name, rule.priority, line["result"], line["reason"], line["detail"])
        )
    return [
        {
            "decision_id": decision["id"],
            "body": receipt(
                rules[line["rule"]],
                state,
                decision["local_date"],
                rivals[decision["customer_id"], decision["due_at"]],
                personal,
            ),
        }
        for decision, line, state in zip(decisions, decided.lines, states, strict=True)
    ]


def _deliveries(decision: dict[str, Any], rule: Rule, state: Row, catalog: Catalog) -> Iterable[dict[str, Any]]:
    """One a channel of a contact that won."""
    if decision["slot"] is None:
        return
    content = {
        "message": next((action.message for action in rule.actions if isinstance(action, Say)), None),
        "offer": decision["offer"],
        "subscription": decision["subscription_id"],
        "day": decision["local_date"].isoformat(),
        "moment": decision["moment"],
        "event": {
            each.name: encode(each.type, state[each.key])
            for each in event_properties(catalog, decision["moment"])
            if each.key in state
        },
    }
    for channel in decision["channels"]:
        yield {
            "decision_id": decision["id"],
            "channel": channel,
            "customer_id": decision["customer_id"],
            "state": "pending",
            "due_at": decision["due_at"],
            "attempts": 0,
            "content": content,
        }


def _counters(decided: Outcome) -> list[dict[str, Any]]:
    """One row a part and rule that was tried; what was decided before is not due again."""
    batch = decided.batch
    results: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for line in decided.lines:
        results[batch.part_of(line["row"]), line["rule"]][line["result"]] += 1
    rows = []
    for number, part in enumerate(batch.parts):
        due = part.occurrences()
        for place in part.plan.numbers:
            rule = part.rules[place]
            again = decided.repeats.get((number, rule.name), 0)
            counts = results[number, batch.rule_starts[number] + place]
            rows.append(tally(rule.name, part.use, part.day, due - again, counts))
    return rows


def _tags(decided: Outcome) -> list[tuple[str, str, bool]]:
    """The tags of what won: of winning contacts and of rules that only tag."""
    return [
        (line["customer"], action.tag, action.add)
        for line in decided.lines
        if line["result"] != "held"
        for action in decided.batch.rules[line["rule"]].actions
        if isinstance(action, Tag)
    ]
