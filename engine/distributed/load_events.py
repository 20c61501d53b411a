"""Events that were met elsewhere: those that still wait here are marked, and what was decided about them is written.

The mark is the claim, as in every pass: an event that was decided here meanwhile, or loaded before, is ours no more,
and its rows are left out. Who was erased has no events either.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import sqlalchemy as sa

from engine.decisions import ledger
from engine.distributed.counting import by_result, event_counters
from engine.distributed.lines import Changes, Line, counter_key, still_right, write
from engine.passes.happened import WAITING
from engine.passes.this_pass import Pass
from engine.store.bulk import among
from engine.store.inserts import insert_values
from engine.store.tables import delayed, events

ROWS_AT_ONCE = 20_000

EventKey = tuple[str, str, int]
"""source, id, hours after it"""


def load_events(this: Pass, happened: ds.Dataset, decided: ds.Dataset, shard: int) -> None:
    """Write what a shard's events led to, those of them that still wait."""
    rows = happened.to_table(filter=pc.field("shard") == shard).to_pylist()
    with this.store.read() as connection:
        if not _open(connection, rows):
            return
    with this.write() as connection:
        _lock(connection, rows)
        met = _open(connection, rows)
        if met:
            this.number(connection)
            _load(connection, this, met, decided, shard)
            _mark(connection, met, this.now)


def _lock(connection: sa.Connection, rows: Sequence[Line]) -> None:
    """Nobody else decides these events until we are done. SQLite has one writer at a time anyway."""
    ids = sorted({row["event"] for row in rows})
    connection.execute(sa.select(events.c.id).where(among(connection, events.c.id, ids)).with_for_update()).all()


def _open(connection: sa.Connection, rows: Sequence[Line]) -> dict[EventKey, Line]:
    """The rows whose events are there and not met: at once by the event's state, later by the marks beside it."""
    ids = sorted({row["event"] for row in rows})
    these = among(connection, events.c.id, ids)
    every = {(row[0], row[1]) for row in connection.execute(sa.select(events.c.source, events.c.id).where(these))}
    waiting = sa.select(events.c.source, events.c.id).where(these, WAITING)
    at_once = {(row[0], row[1], 0) for row in connection.execute(waiting)}
    marks = sa.select(delayed.c.source, delayed.c.event_id, delayed.c.offset)
    done = set(map(tuple, connection.execute(marks.where(among(connection, delayed.c.event_id, ids)))))
    found = {}
    for row in rows:
        key = row["source"], row["event"], row["offset"]
        if key in at_once or (key[2] and key[:2] in every and key not in done):
            found[key] = row
    return found


def _load(connection: sa.Connection, this: Pass, met: Mapping[EventKey, Line], decided: ds.Dataset, shard: int) -> None:
    changes: Changes = {}
    results: Counter[tuple[Any, str, str]] = Counter()
    for lines in _pieces(decided, met, shard):
        results.update((counter_key(line)[1:], line["rule"], line["result"]) for line in lines)
        write(connection, this, still_right(connection, lines, changes))
    occurrences: Counter[Any] = Counter()
    again: Counter[Any] = Counter()
    for row in met.values():
        happened = row["moment"], row["offset"], row["local_date"]
        occurrences[happened] += row["occurrences"]
        again.update((happened, rule) for rule in row["again"])
        this.report.moments[row["moment"]] += row["occurrences"]
    counted = list(event_counters(this.plans, occurrences, again, by_result(results)))
    for row in counted:
        for name, change in changes.get(counter_key(row), {}).items():
            row[name] += change
        row["pass_id"] = this.report.pass_id
    ledger.count(connection, counted)
    this.report.count(counted)


def _pieces(decided: ds.Dataset, met: Mapping[EventKey, Line], shard: int) -> Iterator[list[Line]]:
    """The decisions about these events, some at a time; a customer's are in one file, in the order they were made."""
    here = (pc.field("shard") == shard) & pc.field("event").is_valid()
    for batch in decided.to_batches(filter=here, batch_size=ROWS_AT_ONCE):
        lines = [line for line in batch.to_pylist() if (line["source"], line["event"], line["offset"]) in met]
        if lines:
            yield lines


def _mark(connection: sa.Connection, met: Mapping[EventKey, Line], now: dt.datetime) -> None:
    this_one = sa.and_(events.c.source == sa.bindparam("of"), events.c.id == sa.bindparam("number"))
    at_once = [{"of": source, "number": event} for source, event, offset in met if not offset]
    if at_once:
        connection.execute(events.update().where(this_one).values(state="decided", decided_at=now), at_once)
    later = [
        {"source": source, "event_id": event, "offset": offset, "state": "decided", "decided_at": now}
        for source, event, offset in met
        if offset
    ]
    insert_values(connection, delayed, later)
