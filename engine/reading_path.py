"""The way of what meters read: kept, compared with what they read before, and what it crosses decided where asked."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsl.suggestions import hint
from dsl.typed import Ruleset
from engine.event_path import decide_events_of
from engine.halts import Halted
from engine.online.incoming import CountsAs, EventRefused, counts_as
from engine.plans import plans_of
from engine.reports.decisions import DecisionLine
from engine.store.crossings import SOURCE, crossings_of
from engine.store.events import Fault, Refusal
from engine.store.meters import Reading
from engine.store.readings import Became, put_readings
from engine.store.session import Store


@dataclass(frozen=True, slots=True)
class Passed:
    """A level that a reading passed: the event it made. `level` in percent, as text; `decisions` where asked for."""

    event_id: str
    moment: str
    level: str
    used: float
    quota: float
    counts_as: CountsAs
    decisions: tuple[DecisionLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one reading, and what it passes; the same for a reading that is told again.

    `waiting` is why what it passes is not decided now, where that was asked.
    """

    became: Became
    passed: tuple[Passed, ...] = ()
    refusal: EventRefused | None = None
    waiting: str | None = None


def tell_readings(
    store: Store, ruleset: Ruleset, batch: Sequence[Reading], now: dt.datetime, *, decide: bool = False
) -> list[Outcome]:
    """Keep readings in one transaction, an outcome each, in their order; `decide` decides what they cross at once.

    Levels of one customer that are passed at the same instant are one occasion. Nothing is raised for a bad reading.
    """
    with store.write() as connection:
        told = put_readings(connection, ruleset.catalog, batch, now, catch_up=plans_of(ruleset).event_bounds)
        events = crossings_of(connection, ruleset.catalog, batch)
    ids = [event.id for event in events]
    decided, waiting = None, None
    try:
        decided = decide_events_of(store, ruleset, SOURCE, ids, now) if decide and ids else None
    except Halted as halt:
        waiting = str(halt)
    by_reading: dict[tuple[str, str, dt.datetime], list[Passed]] = defaultdict(list)
    for event in events:
        key = event.subscription_id, event.properties["meter"], event.occurred_at
        by_reading[key].append(_passed(event, decided))
    refusals = {refusal.index: _refused(ruleset, refusal) for refusal in told.refusals}
    outcomes = [
        Outcome(became, tuple(by_reading[one.subscription_id, one.meter, one.read_at.astimezone(dt.UTC)]))
        for one, became in zip(batch, told.became, strict=True)
    ]
    return [
        replace(one, refusal=refusals.get(at), waiting=waiting if one.passed else None)
        for at, one in enumerate(outcomes)
    ]


def _passed(event: Any, decided: Mapping[str, tuple[DecisionLine, ...]] | None) -> Passed:
    values = event.properties
    lines = None if decided is None else decided.get(event.id, ())
    used, quota = float(values["used"]), float(values["quota"])
    return Passed(event.id, event.moment, str(values["level"]), used, quota, counts_as(event.state), lines)


def _refused(ruleset: Ruleset, refusal: Refusal) -> EventRefused:
    unknown = refusal.fault is Fault.UNKNOWN_SUBSCRIPTION
    near = hint(refusal.value, list(ruleset.catalog.meters)) if refusal.fault is Fault.UNKNOWN_METER else None
    reason = f"{refusal.column} “{refusal.value}”: {refusal.reason}" + (f"; {near}" if near else "")
    return EventRefused(refusal.column, reason, unknown=unknown)
