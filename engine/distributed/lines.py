"""Decisions of results, line by line: what is still right of them, and how it is written.

A customer who was erased since is left out, a decision that is there already is not made twice, an occurrence that was
won since is not won again. Counters follow (`Changes`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.decisions import ledger, reasons
from engine.decisions.effects import NO_EFFECTS
from engine.decisions.ledger import Written
from engine.decisions.tables import Occurrence
from engine.experiments.experiment import portfolio
from engine.passes.this_pass import Pass
from engine.store.bulk import among
from engine.store.documents import dump
from engine.store.experiments import Exposure
from engine.store.inserts import columns_of
from engine.store.tables import customers, decisions, deliveries, offers, receipts

Line = dict[str, Any]

PORTFOLIO = portfolio(Decimal(0)).salt
CounterKey = tuple[str, str, int, dt.date]
"""rule, moment, offset, local day"""

Changes = dict[CounterKey, Counter[str]]
"""What counters lose or gain by what happened since the results were made."""


def counter_key(line: Line) -> CounterKey:
    return line["rule"], line["moment"], line["offset"], line["local_date"]


def still_right(connection: sa.Connection, lines: Sequence[Line], changes: Changes) -> list[Line]:
    """Those that may be written, with what another rule won since held; the changes are noted."""
    people = sorted({line["customer_id"] for line in lines})
    here = frozenset(connection.scalars(sa.select(customers.c.id).where(among(connection, customers.c.id, people))))
    known = ledger.known(connection, [line["id"] for line in lines])
    won = ledger.taken(connection, {_occurrence(line) for line in lines if line["slot"] is not None})
    found = []
    for line in lines:
        if line["customer_id"] not in here or line["id"] in known:
            _note(changes, line, due=-1, **{_counted(line): -1})
        else:
            found.append(_held(line, won.get(_occurrence(line)), changes) if line["slot"] is not None else line)
    return found


def write(connection: sa.Connection, this: Pass, lines: Sequence[Line]) -> None:
    """Decisions, receipts, deliveries and tags, as a pass writes them; counters are the caller's."""
    promised = [_promised(line, this.now) for line in lines if line["made"]]
    made = Written(
        decisions=columns_of(decisions, [_decision(line) | {"pass_id": this.report.pass_id} for line in lines]),
        receipts=columns_of(receipts, [{"decision_id": line["id"], "body": line["receipt"]} for line in lines]),
        deliveries=columns_of(deliveries, [row for line in lines for row in _deliveries(line)]),
        counters=(),
        tags=[(line["customer_id"], each["tag"], each["add"]) for line in lines for each in line["tags"] or ()],
        effects=replace(
            NO_EFFECTS,
            assignments={
                (each["experiment"], line["customer_id"]): each["arm"] for line, each in _of(lines, "assigned")
            },
            exposures=[_exposure(line, each) for line, each in _of(lines, "exposed")],
            offers=columns_of(offers, promised),
        ),
    )
    ledger.write(connection, this.catalog, made, this.now)
    this.report.add(made)


def _held(line: Line, winner: str | None, changes: Changes) -> Line:
    if winner is None:
        return line
    _note(changes, line, **{_counted(line): -1, "held": 1})
    lost = {"result": "held", "reason": reasons.OUTRANKED, "detail": winner}
    receipt = json.loads(line["receipt"])
    for candidate in receipt["candidates"]:
        if candidate[0] == line["rule"]:
            candidate[2:] = lost.values()
    nothing: Line = {"content": None, "made": None, "tags": [], "exposed": _of_everything(line)}
    return line | lost | nothing | {"slot": None, "receipt": dump(receipt)}


def _of_everything(line: Line) -> list[Line]:
    """The exposures that stay with an occasion whatever became of it: those to the portfolio's hold-out."""
    return [each for each in line["exposed"] or () if each["experiment"] == PORTFOLIO]


def _note(changes: Changes, line: Line, **more: int) -> None:
    changes.setdefault(counter_key(line), Counter()).update(more)


def _occurrence(line: Line) -> Occurrence:
    return line["subject"], line["moment"], line["offset"], line["occurrence"]


def _counted(line: Line) -> str:
    """The counter of a result."""
    return line["result"] if line["result"] in ("held", "held_out") else "offered"


def _decision(line: Line) -> Line:
    stored = {column.name: line[column.name] for column in decisions.c if column.name != "pass_id"}
    return stored | {"channels": dump(line["channels"])}


def _promised(line: Line, now: dt.datetime) -> Line:
    """The row of an offer, which stands from now on."""
    row: Line = json.loads(line["made"])
    ends = row["expires_at"]
    return row | {"made_at": now, "state_at": now, "expires_at": ends and dt.datetime.fromisoformat(ends)}


def _deliveries(line: Line) -> Iterator[Line]:
    if line["content"] is None:
        return
    for channel, send_at in zip(line["channels"], line["send_at"], strict=True):
        yield {
            "decision_id": line["id"],
            "channel": channel,
            "customer_id": line["customer_id"],
            "state": "pending",
            "due_at": send_at,
            "attempts": 0,
            "content": line["content"],
        }


def _of(lines: Sequence[Line], name: str) -> Iterator[tuple[Line, Line]]:
    """Each line with each entry of one of its lists."""
    yield from ((line, each) for line in lines for each in line[name] or ())


def _exposure(line: Line, each: Line) -> Exposure:
    return Exposure(each["experiment"], line["id"], line["customer_id"], each["arm"], each["ghost"])
