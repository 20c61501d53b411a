"""What rules make of events, when they happen or some time after.

An event is marked on itself: `pending` (or `live`, where a person had old events imported as if they had just
happened), then `decided`, or `missed` where every rule that listens was too late.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.typed import MomentUse, Rule
from engine.decisions.occasions import Part, occurrences
from engine.moments.events import event_batch
from engine.passes.deciding import Due, decide_due
from engine.passes.scheduled import without
from engine.passes.this_pass import Pass
from engine.store.tables import customers, events

EVENTS_A_BATCH = 2_000

LIVE = "live"
"""The state of an event for which nothing is too late."""

WAITING = sa.text("events.state IN ('pending', 'live')")
"""Still to be met when they happened. In these very words, by which the databases know the index of those that wait."""

Event = sa.Row[Any]
"""A row of `events` with its customer's `zone`."""

EVENTS = sa.select(events, customers.c.zone).join(customers, customers.c.id == events.c.customer_id)
OLDEST_FIRST = (events.c.occurred_at, events.c.source, events.c.id)


def waves(found: Sequence[Event]) -> list[list[Event]]:
    """The events in turns, so that no customer has two instants in one: each occasion reads what the one before left.

    `found` are ordered by time.
    """
    turns: dict[str, tuple[dt.datetime, int]] = {}
    listed: dict[int, list[Event]] = defaultdict(list)
    for event in found:
        instant, turn = turns.get(event.customer_id, (event.occurred_at, 0))
        if instant != event.occurred_at:
            turn += 1
        turns[event.customer_id] = event.occurred_at, turn
        listed[turn].append(event)
    return [listed[turn] for turn in sorted(listed)]


def decide_happened(connection: sa.Connection, this: Pass, found: Sequence[Event]) -> None:
    """Decide events that this transaction has locked, oldest first, and mark them."""
    for wave in waves(found):
        due = due_after(connection, this, {MomentUse(moment): mine for moment, mine in by_moment(wave).items()})
        decide_due(connection, this.plans, due, this.now, this.report)
    this_one = sa.and_(events.c.source == sa.bindparam("of"), events.c.id == sa.bindparam("number"))
    changed = {"state": sa.bindparam("became"), "decided_at": this.now}
    keys = [
        {
            "of": event.source,
            "number": event.id,
            "became": "missed" if is_missed(this, MomentUse(event.moment), event) else "decided",
        }
        for event in found
    ]
    connection.execute(events.update().where(this_one).values(changed), keys)


def due_after(connection: sa.Connection, this: Pass, found: Mapping[MomentUse, Sequence[Event]]) -> Due:
    """What the rules of some uses make of events, each a delay after it happened."""
    parts: list[Part] = []
    missed: dict[tuple[str, MomentUse, dt.date], int] = {}
    for use, mine in sorted(found.items(), key=lambda pair: (pair[0].moment, pair[0].delay)):
        for day, rules, group in _groups(this, use, mine):
            listening = this.plans.listening(use, day)
            if not listening:
                continue
            plan = this.plans.plan_of(use, rules)
            table = event_batch(connection, this.catalog, use, group, this.plans.reads(use, plan))
            if table.num_rows and rules:
                parts.append(this.part(connection, use, day, table, rules))
            for rule in without(listening, rules):
                missed[rule.name, use, day] = missed.get((rule.name, use, day), 0) + occurrences(table)
    return Due(parts, {key: count for key, count in missed.items() if count})


def _groups(
    this: Pass, use: MomentUse, found: Sequence[Event]
) -> Iterator[tuple[dt.date, tuple[Rule, ...], list[Event]]]:
    """The events by the local day of their occasion and the rules that are in time for it."""
    groups: dict[tuple[dt.date, tuple[str, ...]], tuple[tuple[Rule, ...], list[Event]]] = {}
    for event in found:
        day, rules = local_day(event, use.delay), _in_time(this, use, event)
        key = day, tuple(rule.name for rule in rules)
        groups.setdefault(key, (rules, []))[1].append(event)
    for (day, _), (rules, group) in sorted(groups.items(), key=lambda pair: pair[0]):
        yield day, rules, group


def is_missed(this: Pass, use: MomentUse, event: Event) -> bool:
    """Whether rules listen, all of them too late."""
    return bool(this.plans.listening(use, local_day(event, use.delay))) and not _in_time(this, use, event)


def _in_time(this: Pass, use: MomentUse, event: Event) -> tuple[Rule, ...]:
    listening = this.plans.listening(use, local_day(event, use.delay))
    return listening if event.state == LIVE else this.in_time(listening, event.occurred_at + use.delay, event.zone)


def local_day(event: Event, delay: dt.timedelta = dt.timedelta(0)) -> dt.date:
    """The customer's local date when the event happened, or some time after."""
    day: dt.date = (event.occurred_at + delay).astimezone(ZoneInfo(event.zone)).date()
    return day


def by_moment(found: Sequence[Event]) -> dict[str, list[Event]]:
    grouped: dict[str, list[Event]] = defaultdict(list)
    for event in found:
        grouped[event.moment].append(event)
    return grouped
