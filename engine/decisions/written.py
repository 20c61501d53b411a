"""What a decided batch leaves behind, as columns: what `ledger.write` inserts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog
from dsl.typed import Action, Say, Tag
from engine.decisions import reasons
from engine.decisions.deeds import RESULTS
from engine.decisions.effects import Effects
from engine.decisions.exposed import exposures
from engine.decisions.json_texts import dumped, joined, json_texts
from engine.decisions.ledger import TagChange, Written, tally
from engine.decisions.occasions import KEYS, Batch, event_properties
from engine.decisions.offered import offers_of
from engine.decisions.policy import due_by_channel
from engine.decisions.receipt_texts import receipt_texts
from engine.decisions.results import Outcome
from engine.decisions.rule_table import Ints
from engine.decisions.tables import channel_sets, results, texts
from engine.decisions.taken import takings
from engine.matching.rows import full_rows
from engine.store.documents import dump, encode

_INSTANT = pa.timestamp("us", "UTC")


def written(outcome: Outcome, now: dt.datetime, *, ruleset: str, pass_id: int | None) -> Written:
    """Every row to insert for a decided batch. `ruleset` is its digest."""
    ids = pa.array(outcome.ids, pa.string())
    decisions = _decisions(outcome, ids, now, ruleset, pass_id)
    bodies = receipt_texts(outcome.batch, outcome.case, outcome.decided)
    return Written(
        decisions=decisions,
        receipts=pa.table({"decision_id": ids, "body": bodies}),
        deliveries=_deliveries(outcome, decisions),
        counters=[row | {"pass_id": pass_id or 0} for row in _counters(outcome)],
        tags=_tags(outcome),
        effects=_effects(outcome, decisions, now),
    )


def _effects(outcome: Outcome, decisions: pa.Table, now: dt.datetime) -> Effects:
    decided, rules, known = outcome.decided, outcome.batch.rules, outcome.precedents
    people = outcome.batch.table["customer"].to_pylist()
    return Effects(
        known.armed.new,
        exposures(decided, rules, known.armed.arms, outcome.ids, people),
        known.limited.opened,
        takings(decided, rules, known.limited.opened, outcome.ids, people),
        offers_of(outcome, decisions, now),
    )


def _decisions(outcome: Outcome, ids: pa.Array, now: dt.datetime, ruleset: str, pass_id: int | None) -> pa.Table:
    batch, found, rules = outcome.batch, outcome.decided.candidates, outcome.batch.rules
    keys = batch.table.select(KEYS).take(pa.array(found.row))
    count = len(found.row)
    sets, which = channel_sets(found.rule, found.channels, rules)
    days = pa.array([part.day for part in batch.parts], pa.date32())
    columns = {
        "id": ids,
        "rule": texts(found.rule, tuple(rule.name for rule in rules.rules)),
        "moment": keys["moment"],
        "offset": keys["offset"],
        "subject": keys["subject"],
        "occurrence": keys["occurrence"],
        "customer_id": keys["customer"],
        "subscription_id": keys["subscription"],
        "result": texts(results(outcome.decided, rules), RESULTS),
        "reason": texts(found.reason, reasons.CODES),
        "detail": texts(found.detail, outcome.case.texts),
        "offer": texts(found.product, rules.product_names),
        "channels": dumped(sets).take(which),
        "slot": pa.array(outcome.decided.slot, mask=~outcome.decided.won),
        "local_date": days.take(pa.array(batch.part_of(found.row))),
        "due_at": keys["due_at"],
        "decided_at": pa.repeat(pa.scalar(now, _INSTANT), count),
        "ruleset": pa.repeat(pa.scalar(ruleset), count),
        "pass_id": pa.repeat(pa.scalar(pass_id, pa.int64()), count),
    }
    return pa.table(columns)


# --- deliveries ------------------------------------------------------------------------------------------------------


def _deliveries(outcome: Outcome, decisions: pa.Table) -> pa.Table:
    """One a channel of a contact that won."""
    found = outcome.decided.candidates
    winners = np.flatnonzero(outcome.decided.won)
    sets, which = channel_sets(found.rule[winners], found.channels[winners], outcome.batch.rules)
    lists = pa.array(sets, pa.list_(pa.string())).take(which)
    place = pc.list_parent_indices(lists)
    mine = decisions.take(pa.array(winners).take(place))
    count = mine.num_rows
    return pa.table(
        {
            "decision_id": mine["id"],
            "channel": lists.flatten(),
            "customer_id": mine["customer_id"],
            "state": pa.repeat(pa.scalar("pending"), count),
            "due_at": _due_at(outcome, winners, lists.flatten(), place, mine["due_at"]),
            "attempts": pa.array(np.zeros(count, np.int64)),
            "content": _contents(outcome, decisions.take(pa.array(winners)), winners).take(place),
        }
    )


def _due_at(outcome: Outcome, winners: Ints, channel: pa.Array, place: pa.Array, due_at: pa.Array) -> pa.Array:
    """When each delivery may be sent: at once, or when the quiet hours of its channel end."""
    reach = outcome.precedents.reach
    waiting = due_by_channel(outcome.decided.candidates, outcome.batch.rules, reach, winners) if reach else {}
    if not waiting:
        return due_at
    instants = due_at.cast(pa.int64()).to_numpy().copy()
    for name, later in waiting.items():
        mine = pc.equal(channel, name).to_numpy(zero_copy_only=False)
        instants[mine] = later[place.to_numpy()[mine]]
    return pa.array(instants).cast(_INSTANT)


def _contents(outcome: Outcome, decisions: pa.Table, winners: Ints) -> pa.Array:
    """What each winner is to say, as JSON text (keys sorted, as everything that is stored)."""
    batch, found = outcome.batch, outcome.decided.candidates
    part = pa.array(batch.part_of(found.row[winners]))
    days = dumped([part.day.isoformat() for part in batch.parts])
    moments = dumped([part.use.moment for part in batch.parts])
    messages = dumped([_message(actions) for actions in batch.rules.deeds.actions])
    return joined(
        '{"day":',
        days.take(part),
        ',"event":',
        _events(batch, found.row[winners], batch.rules.catalog),
        ',"message":',
        messages.take(pa.array(found.deed[winners])),
        ',"moment":',
        moments.take(part),
        ',"offer":',
        json_texts(decisions["offer"]),
        ',"subscription":',
        json_texts(decisions["subscription_id"]),
        "}",
    )


def _message(actions: Sequence[Action]) -> str | None:
    return next((action.message for action in actions if isinstance(action, Say)), None)


def _events(batch: Batch, rows: Ints, catalog: Catalog) -> pa.Array:
    """The properties of each row's event as JSON text; a scheduled moment has none."""
    found = np.full(len(rows), "{}", object)
    which = batch.part_of(rows)
    for number, part in enumerate(batch.parts):
        if properties := event_properties(catalog, part.use.moment):
            mine = np.flatnonzero(which == number)
            chosen = part.table.take(pa.array(rows[mine] - batch.starts[number]))
            found[mine] = [
                dump({each.name: encode(each.type, row[each.key]) for each in properties if each.key in row})
                for row in full_rows(chosen, properties, ())
            ]
    return pa.array(found, pa.string())


# --- counters and tags -----------------------------------------------------------------------------------------------


def _counters(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One row a part and rule that was tried; what was decided before is not due again."""
    batch, found = outcome.batch, outcome.decided.candidates
    width, kinds = len(batch.rules.rules), len(RESULTS)
    keys = (batch.part_of(found.row) * width + found.rule) * kinds + results(outcome.decided, batch.rules)
    counts = np.bincount(keys, minlength=len(batch.parts) * width * kinds).reshape(-1, width, kinds).tolist()
    for number, part in enumerate(batch.parts):
        due = part.occurrences()
        tried = [part.rules[number] for number in part.plan.numbers]
        for place, rule in zip(batch.rules.numbers(tried).tolist(), tried, strict=True):
            again = outcome.repeats.get((number, place), 0)
            yield tally(
                rule.name, part.use, part.day, due - again, dict(zip(RESULTS, counts[number][place], strict=True))
            )


def _tags(outcome: Outcome) -> Sequence[TagChange]:
    """The tags of what won: of winning contacts and of rules that only tag."""
    batch, found = outcome.batch, outcome.decided.candidates
    changes = [[each for each in actions if isinstance(each, Tag)] for actions in batch.rules.deeds.actions]
    tagging = np.array([bool(each) for each in changes], np.bool_)
    mine = np.flatnonzero((found.reason == 0) & tagging[found.deed])
    people = batch.table["customer"].take(pa.array(found.row[mine])).to_pylist()
    return [
        (customer, change.tag, change.add)
        for customer, deed in zip(people, found.deed[mine].tolist(), strict=True)
        for change in changes[deed]
    ]
