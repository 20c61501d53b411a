"""Decisions of a group as lines of results (`layout.DECIDED`): all that a store needs to write them as a pass would."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsl.typed import Rule, Tag
from engine.decisions import ledger
from engine.decisions.results import Outcome
from engine.experiments.experiment import hold_out, portfolio, split
from engine.store.documents import Json, dump

DECISION = "decision"

Line = dict[str, Any]


def decided_lines(outcome: Outcome, rows: ledger.Written, keys: Sequence[Line]) -> Iterator[Line]:
    """A line a decision. `keys` has what is told of each row of the batch."""
    told = _told(rows)
    receipts = rows.receipts["body"].to_pylist()
    more = zip(_taken(outcome), _tags(outcome), outcome.decided.candidates.row.tolist(), strict=True)
    for decision, receipt, (taken, tags, row) in zip(rows.decisions.to_pylist(), receipts, more, strict=True):
        line = decision | keys[row] | {"what": DECISION, "channels": json.loads(decision["channels"])}
        line |= {name: found.get(decision["id"]) for name, found in told.items()}
        line["assigned"] = list(_assigned(outcome, line))
        yield line | taken | {"tags": tags, "receipt": receipt}


def _told(rows: ledger.Written) -> dict[str, dict[str, Any]]:
    """By decision: what is sent and when, what is offered, and what its customer is exposed to."""
    content: dict[str, Any] = {}
    send_at: dict[str, Any] = defaultdict(list)
    for row in rows.deliveries.select(["decision_id", "content", "due_at"]).to_pylist():
        content[row["decision_id"]] = row["content"]
        send_at[row["decision_id"]].append(row["due_at"])
    made = rows.effects.offers
    promised = {row["id"]: dump(_promised(row)) for row in (made.to_pylist() if made is not None else ())}
    exposed: dict[str, Any] = defaultdict(list)
    for one in rows.effects.exposures:
        exposed[one.decision_id].append({"experiment": one.experiment, "arm": one.arm, "ghost": bool(one.ghost)})
    return {"content": content, "send_at": send_at, "made": promised, "exposed": exposed}


def _promised(row: dict[str, Any]) -> dict[str, Json]:
    """A row of the table of offers, to be stamped when it is written."""
    ends = row["expires_at"]
    own = {name: value for name, value in row.items() if name not in ("made_at", "state_at", "expires_at")}
    return own | {"expires_at": None if ends is None else ends.isoformat()}


def _taken(outcome: Outcome) -> Iterator[Line]:
    """What each contact that won takes of budgets."""
    found, currencies = outcome.decided.candidates, (*outcome.batch.rules.currencies, None)
    columns = (outcome.decided.won.tolist(), found.cost.tolist(), found.currency.tolist())
    for won, cost, currency in zip(*columns, strict=True):
        yield {"cost": cost, "currency": currencies[currency]} if won else {}


def _tags(outcome: Outcome) -> Iterator[list[Mapping[str, Any]]]:
    """The tags that each decision puts on or takes off; none where it is held."""
    found = outcome.decided.candidates
    changes = [
        [{"tag": each.tag, "add": each.add} for each in actions if isinstance(each, Tag)]
        for actions in outcome.batch.rules.deeds.actions
    ]
    for reason, deed in zip(found.reason.tolist(), found.deed.tolist(), strict=True):
        yield changes[deed] if reason == 0 else []


def _assigned(outcome: Outcome, line: Line) -> Iterator[Mapping[str, str]]:
    """The arms that the customer was put into for the first time, of the experiments that the rule takes part in."""
    new = outcome.precedents.armed.new
    if not new:
        return
    rules = outcome.batch.rules
    for salt in _salts(rules.rules[rules.number[line["rule"]]], rules.catalog.policies.hold_out):
        if arm := new.get((salt, line["customer_id"])):
            yield {"experiment": salt, "arm": arm}


def _salts(rule: Rule, share: Any) -> Iterator[str]:
    if share:
        yield portfolio(share).salt
    if rule.hold_out:
        yield hold_out(rule).salt
    if rule.split:
        yield split(rule).salt
