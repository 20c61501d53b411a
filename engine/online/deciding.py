"""Events that were just recorded, decided together: rows, matches, candidates, and the rows that they leave behind.

Every event is an occasion of its own, of another customer than the others'. Nothing was decided for it before: its id
is new, and should a key be taken all the same, the unique keys refuse the transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from dsl.catalog import Owner
from engine.decisions.candidates import Case
from engine.decisions.decide import Decided, decide
from engine.decisions.precedents import Precedents
from engine.moments.calendar import event_key
from engine.moments.subjects import Occurrence, concerns
from engine.online.asked import event_precedents
from engine.online.drafts import Draft
from engine.online.facts import Met, facts_of
from engine.online.incoming import IncomingEvent
from engine.online.listeners import Listeners
from engine.online.past import Asking, look_up
from engine.online.prices import EventPrices
from engine.online.rows import Held, Person, Row
from engine.plans import Plans
from engine.pricing.price_facts import Priced
from engine.simulation.at_hand import event_row


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event to decide, with its customer as stored."""

    draft: Draft
    person: Person
    listeners: Listeners

    @property
    def event(self) -> IncomingEvent:
        return self.draft.telling.event

    @property
    def key(self) -> str:
        return event_key(self.event.moment, self.event.source, self.event.id)


Whose = tuple[str, str, dt.datetime]
"""A row's customer, time zone and instant."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided: the candidates of all occasions, with the rows that they are of and what was known of them."""

    occasions: Sequence[Occasion]
    met: Sequence[Met]
    decided: Decided
    texts: tuple[str, ...]
    whose: Sequence[Whose]
    precedents: Precedents
    prices: EventPrices


def decide_occasions(
    connection: sa.Connection, plans: Plans, occasions: Sequence[Occasion], paused: Collection[str], now: dt.datetime
) -> Outcome:
    """Match and decide occasions whose events are recorded already; `paused` rules hold what they match."""
    met = [each for number, occasion in enumerate(occasions) for each in _met(number, occasion)]
    look_up(connection, plans.catalog, _asking(occasions, met))
    row, rule = _matches(occasions, met)
    plans.price_facts.put(connection, _to_price(occasions, met, sorted(set(row.tolist()))))
    rules = plans.rule_table
    days = [occasions[each.occasion].listeners.day for each in met]
    prices = EventPrices([each.row for each in met], days, rules)
    whose = [_whose(occasions[each.occasion]) for each in met]
    known = event_precedents(connection, rules, met, whose, (row, rule), now)
    before = known.before(None, (), _paused(plans, paused) if paused else None, prices)
    case = Case(facts_of(met, rules), rules, before)
    decided = decide(case, row, rule)
    return Outcome(occasions, met, decided, case.texts, whose, known, prices)


def _whose(occasion: Occasion) -> Whose:
    return occasion.person.id, occasion.person.zone, occasion.event.occurred_at


def _met(number: int, occasion: Occasion) -> Iterator[Met]:
    """The rows that the event concerns, by subscription."""
    shape = occasion.listeners.shape
    base: Row = {**shape.customer(occasion.person), **event_row(occasion.event.moment, occasion.draft.properties)}
    if not occasion.person.held and occasion.listeners.moment.owner is Owner.CUSTOMER:
        yield Met(number, None, base)
    for held in occasion.person.held:
        if _is_concerned(occasion, held):
            yield Met(number, held.id, {**base, **shape.subscription(held)})


def _is_concerned(occasion: Occasion, held: Held) -> bool:
    moment = occasion.listeners.moment
    mine = moment.owner is Owner.CUSTOMER or held.id == occasion.event.subscription
    return mine and concerns(moment.statuses, held.status)


def _asking(occasions: Sequence[Occasion], met: Sequence[Met]) -> Iterator[Asking]:
    """The rows for which some rule needs to know what happened before."""
    for each in met:
        occasion = occasions[each.occasion]
        gate, day = occasion.listeners.gate, occasion.listeners.day
        if gate is not None and (terms := gate.still_asked(each.row, day)):
            yield Asking(_occurrence(occasion, each), day, each.row, terms)


def _occurrence(occasion: Occasion, met: Met) -> Occurrence:
    event, person, moment = occasion.event, occasion.person, occasion.listeners.moment
    where = (moment.owner, person.id, met.subscription, occasion.key, person.zone)
    return Occurrence(event.moment, 0, *where, event.occurred_at)


def _to_price(occasions: Sequence[Occasion], met: Sequence[Met], rows: Sequence[int]) -> Iterator[Priced]:
    """The rows that some rule matches, as prices see them."""
    for number in rows:
        each, occasion = met[number], occasions[met[number].occasion]
        customer, zone, at = _whose(occasion)
        yield Priced(customer, each.subscription, zone, at, occasion.listeners.day, each.row)


def _matches(occasions: Sequence[Occasion], met: Sequence[Met]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rows: list[int] = []
    rules = [np.empty(0, np.int64)]
    for number, each in enumerate(met):
        listeners = occasions[each.occasion].listeners
        found = listeners.plan.match_row(each.row, listeners.day)
        rows += [number] * len(found)
        rules.append(listeners.numbers[found])
    return np.array(rows, np.int64), np.concatenate(rules)


def _paused(plans: Plans, paused: Collection[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([rule.name in paused for rule in plans.rule_table.rules], np.bool_)
