"""A group of customers decided on one of many machines, with the very functions of a pass.

1. The pairs (customer, subscription) that a first look left (`matching`) are looked at moment by moment.
2. The past is put into tables in memory and asked as ever (`past`, `happenings`).
3. They are matched by it, merged by customer, decided, and told in rows (`decisions`).
4. Then what happened to them is decided, turn by turn (`happened`), each turn knowing what the ones before left.

Nothing of a group depends on any other, nor on the order of rows. What comes out is one table of three kinds: a
`decision` (`layout.DECIDED`), an `event` that was met (`layout.HAPPENED`), and how many matches of a rule were decided
`again`. Counters are made of these where everything is known (`counting`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.decisions import ledger
from engine.decisions.batch_precedents import batch_precedents
from engine.decisions.effects import put_effects
from engine.decisions.occasions import Batch, Part, merge
from engine.decisions.priced_by import with_price_facts
from engine.decisions.results import Outcome, matched_occurrences, outcome
from engine.decisions.written import written
from engine.distributed.decided import Line, decided_lines
from engine.distributed.due import batch_keys, due_of, named
from engine.distributed.happened import Turn, turns
from engine.distributed.layout import BATCH_KEY, DECIDED, HAPPENED
from engine.distributed.past import EVENT as HAPPENED_BEFORE
from engine.distributed.past import at_hand
from engine.distributed.people import put_people, retag
from engine.distributed.work import Work
from engine.moments.calendar import event_key
from engine.passes.happened import Event, due_after, local_day
from engine.passes.report import PassReport
from engine.passes.this_pass import Pass
from engine.store.inserts import insert_columns
from engine.store.session import Store
from engine.store.snapshot.pairs import KEYS, coded
from engine.store.tables import decisions
from engine.store.zones import shard_of

AGAIN, EVENT = "again", "event"

FOUND = pa.schema(
    [
        ("what", pa.string()),
        *DECIDED,
        *(each for each in HAPPENED if each.name not in DECIDED.names),
        ("count", pa.int64()),
    ]
)


def decide_group(work: Work, pairs: pa.Table, past: pa.Table) -> pa.Table:
    """What becomes of some customers (`FOUND`): all their `pairs` (`Work.columns`), all their `past` (`past.PAST`)."""
    pairs = pairs.select(work.columns().names).cast(work.columns())
    pairs = coded(pairs.sort_by([(name, "ascending") for name in KEYS]), work.attributes())
    people = _to_be_met(past)
    with at_hand(past, work.answers) as connection:
        put_people(connection, pairs, work.attributes(), people)
        this = Pass(Store(connection.engine), work.plans, work.now, "day", PassReport(None, work.day), lambda _: None)
        lines = [*_scheduled(connection, this, work, pairs)]
        if people:
            for number, turn in enumerate(turns(connection, work)):
                lines += [line | {"turn": number} for line in _turn(connection, this, work, turn)]
    return pa.Table.from_pylist(lines, FOUND)


def _to_be_met(past: pa.Table) -> Collection[str]:
    """The customers with events that rules may still meet."""
    may_be_met = pc.fill_null(pc.not_equal(past["state"], "history"), False)
    met = past.filter(pc.and_(pc.equal(past["kind"], HAPPENED_BEFORE), may_be_met))
    return set(met["customer.id"].to_pylist())


# --- a step ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """Some parts decided, the rows of it, and what was known before."""

    batch: Batch
    decided: Outcome
    rows: ledger.Written
    known: Collection[str]

    def again(self) -> Iterator[tuple[int, str]]:
        """The matches that were decided before, each once: a row of the batch and a rule."""
        if self.known:
            matched = zip(self.batch.ids, self.batch.row.tolist(), self.batch.rule.tolist(), strict=True)
            places = {one: (row, rule) for one, row, rule in matched if one in self.known}
            yield from ((row, self.batch.rules.rules[rule].name) for row, rule in places.values())


def _decide(connection: sa.Connection, work: Work, parts: Sequence[Part]) -> _Step:
    """Decide, and leave in the database at hand what later steps may ask."""
    batch = with_price_facts(connection, merge(parts, work.plans.rule_table), work.plans.price_facts)
    known = ledger.known(connection, batch.ids)
    taken = ledger.taken(connection, matched_occurrences(batch))
    told = batch_precedents(connection, batch, work.now, binding=False)
    decided = outcome(batch, known, taken, work.paused, told)
    rows = written(decided, work.now, ruleset=work.ruleset.digest, pass_id=None)
    if work.happening:
        insert_columns(connection, decisions, rows.decisions)
        put_effects(connection, rows.effects, work.now)
        retag(connection, rows.tags)
    return _Step(batch, decided, rows, known)


# --- by the calendar -------------------------------------------------------------------------------------------------


def _scheduled(connection: sa.Connection, this: Pass, work: Work, pairs: pa.Table) -> Iterator[Line]:
    parts = []
    for use in work.uses:
        table = due_of(work, use, pairs)
        if table.num_rows:
            parts.append(this.part(connection, use, work.day, table, work.plans.listening(use, work.day)))
    if not parts:
        return
    step = _decide(connection, work, parts)
    keys = [named(key) for part in parts for key in batch_keys(part.use, part.table)]
    yield from decided_lines(step.decided, step.rows, keys)
    for row, rule in step.again():
        yield {**keys[row], "what": AGAIN, "rule": rule, "count": 1}


# --- what happened ---------------------------------------------------------------------------------------------------


def _turn(connection: sa.Connection, this: Pass, work: Work, turn: Turn) -> Iterator[Line]:
    """The events of a turn, and what is decided about them."""
    parts = due_after(connection, this, turn).parts
    met = {(use.distance, _occurrence(each)): _met(use, each) for use, mine in turn.items() for each in mine}
    again: dict[tuple[int, str], set[str]] = defaultdict(set)
    concerned: set[tuple[int, str]] = set()
    if parts:
        step = _decide(connection, work, parts)
        places = list(
            zip(step.batch.table["offset"].to_pylist(), step.batch.table["occurrence"].to_pylist(), strict=True)
        )
        yield from decided_lines(step.decided, step.rows, [_event_key(met[place]) for place in places])
        concerned.update(places)
        for row, rule in step.again():
            again[places[row]].add(rule)
    for key, line in met.items():
        yield line | {"occurrences": int(key in concerned), "again": sorted(again[key])}


def _occurrence(event: Event) -> str:
    return event_key(event.moment, event.source, event.id)


def _met(use: MomentUse, event: Event) -> Line:
    return {
        "what": EVENT,
        **named((use.moment, use.distance, event.zone, shard_of(event.customer_id))),
        "source": event.source,
        "event": event.id,
        "customer_id": event.customer_id,
        "local_date": local_day(event, use.delay),
    }


def _event_key(met: Mapping[str, Any]) -> Line:
    """What of an event is told with each of its decisions."""
    return {name: met[name] for name in (*(name for name, _ in BATCH_KEY), "source", "event")}
