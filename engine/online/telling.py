"""What a group of callers tells, in one transaction: each event kept once, decided where that was asked, or refused.

Events are taken in turns in which no customer comes twice, so that an event reads what the one before it left. A turn
is one query for what is known, then inserts; only what was recorded before, and is still to be decided, goes the way of
a pass. A refused event stops nobody else's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dsl.typed import MomentUse
from engine.budgets.book import open_limits
from engine.budgets.limits import limits_of
from engine.halts import Halted, standing
from engine.online import ledger
from engine.online.deciding import Occasion, decide_occasions
from engine.online.drafts import Draft, Telling, draft
from engine.online.effects import add_effects, waiting, with_all_terms
from engine.online.incoming import Answer, EventConflict, EventRefused, Kept, counts_as, refused
from engine.online.listeners import Listeners, listeners
from engine.online.recorded import decide_recorded
from engine.online.results import Rows, add_results
from engine.online.rows import Person
from engine.online.state import Known, known, take_turns
from engine.plans import Plans
from engine.reports.decisions import DecisionLine
from engine.store.bulk import Stored
from engine.store.events import EVENT_COLUMNS, judge, state_of
from engine.store.session import Store
from engine.store.tables import events

Told = Answer | EventRefused | EventConflict

ANSWERED = 100
"""Decisions of one event that its answer names."""

_EVENTS = (*EVENT_COLUMNS, "decided_at")


def tell(
    connection: sa.Connection, store: Store, plans: Plans, tellings: Sequence[Telling], *, careful: bool = False
) -> list[Told]:
    """Take in what is told and say what became of each, in order; it counts once the transaction is committed.

    A `careful` telling takes nothing for granted that the unique keys would refuse: slower, for when they did.
    """
    halt, paused = standing(connection)
    group = _Group(connection, store, plans, halt, paused, careful)
    turns = _turns(tellings)
    if halt is None and len(turns) > 1:
        _lock_limits(connection, plans, tellings)
    told: dict[int, Told] = {}
    for turn in turns:
        told.update(group.take({number: tellings[number] for number in turn}))
    return [told[number] for number in range(len(tellings))]


def _lock_limits(connection: sa.Connection, plans: Plans, tellings: Sequence[Telling]) -> None:
    """Lock the limits of all rules that may decide: before any turn writes, so that groups never wait in a circle."""
    moments = {telling.event.moment for telling in tellings if telling.decides}
    limits = [limit for moment in sorted(moments) for limit in limits_of(plans.rules_of(MomentUse(moment)))]
    if limits:
        open_limits(connection, limits, max(telling.now for telling in tellings), plans.catalog.timezone)


def _turns(tellings: Sequence[Telling]) -> list[list[int]]:
    """The places of the tellings in turns: a customer's, and an id's, one after the other."""
    turns: dict[int, list[int]] = defaultdict(list)
    next_turn: dict[tuple[str, ...], int] = {}
    for number, telling in enumerate(tellings):
        event = telling.event
        whose, which = (event.customer,), (event.source, event.id)
        turn = max(next_turn.get(whose, 0), next_turn.get(which, 0))
        turns[turn].append(number)
        next_turn[whose] = next_turn[which] = turn + 1
    return [turns[turn] for turn in sorted(turns)]


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An event that is new, as it is recorded; `listeners` where it is decided now and some rule listens."""

    draft: Draft
    person: Person
    state: str
    is_decided: bool
    listeners: Listeners | None

    def row(self) -> Sequence[Stored]:
        one, now = self.draft.staged, self.draft.told_at
        return (
            one.source,
            one.id,
            one.moment,
            one.customer_id,
            one.subscription_id,
            self.draft.occurred_at,
            now,
            one.properties,
            self.draft.digest,
            "decided" if self.is_decided else self.state,
            now if self.is_decided else None,
        )


@dataclass(frozen=True, slots=True)
class _Group:
    """One transaction's tellings; `halt` is why nothing is decided now."""

    connection: sa.Connection
    store: Store
    plans: Plans
    halt: Halted | None
    paused: Collection[str]
    careful: bool

    def take(self, turn: dict[int, Telling]) -> dict[int, Told]:
        """One turn: no customer and no id twice."""
        told: dict[int, Told] = {}
        drafts: dict[int, Draft] = {}
        for number, telling in turn.items():
            try:
                drafts[number] = draft(self.plans.ruleset, telling)
            except EventRefused as error:
                told[number] = error
        if not drafts:
            return told
        asked = [turn[number].event for number in drafts]
        take_turns(self.connection, asked)
        fresh: dict[int, _Fresh] = {}
        for (number, one), what in zip(drafts.items(), known(self.connection, asked), strict=True):
            refusal = self._refusal(one, what)
            if refusal is not None:
                told[number] = refusal
            elif what.state is not None:
                told[number] = self._recorded(one, Kept("same", counts_as(what.state)))
            elif what.person is not None:
                fresh[number] = self._fresh(one, what.person)
        return told | self._record(fresh)

    def _refusal(self, one: Draft, what: Known) -> EventRefused | EventConflict | None:
        person = what.person
        people = [person.id] if person else []
        owners = {held.id: person.id for held in person.held} if person else {}
        refusal = judge(self.plans.catalog, people, owners, one.staged, 0, one.telling.now)
        if refusal is not None:
            return refused(refusal)
        return EventConflict() if what.digest not in (None, one.digest) else None

    def _fresh(self, one: Draft, person: Person) -> _Fresh:
        event, telling = one.telling.event, one.telling
        state = state_of(event.moment, event.occurred_at, telling.now, self.plans.event_bounds)
        decides = telling.decides and self.halt is None and state != "history" and not self.careful
        day = event.occurred_at.astimezone(ZoneInfo(person.zone)).date()
        return _Fresh(one, person, state, decides, listeners(self.plans, event.moment, day) if decides else None)

    def _record(self, fresh: dict[int, _Fresh]) -> dict[int, Told]:
        """Insert the new events, decide those that somebody listens to, and answer all."""
        if not fresh:
            return {}
        ledger.insert_few(self.connection, events, _EVENTS, [one.row() for one in fresh.values()])
        occasions = {number: _occasion(one) for number, one in fresh.items() if one.listeners is not None}
        lines = dict(zip(occasions, self._decide(list(occasions.values())), strict=True))
        return {number: self._answer(one, lines.get(number, ())) for number, one in fresh.items()}

    def _decide(self, occasions: Sequence[Occasion]) -> Sequence[tuple[DecisionLine, ...]]:
        if not occasions:
            return []
        rows = Rows()
        now = max(one.draft.telling.now for one in occasions)
        outcome = decide_occasions(self.connection, self.plans, occasions, self.paused, now)
        lines = add_results(rows, outcome, self.plans, waiting(outcome, self.plans.rule_table))
        add_effects(rows, outcome, self.plans.rule_table, now)
        ledger.write(self.connection, self.plans.catalog, rows, now)
        return with_all_terms(lines, rows)

    def _answer(self, one: _Fresh, lines: tuple[DecisionLine, ...]) -> Answer:
        kept = Kept("new", counts_as(one.state))
        return Answer(kept, lines[:ANSWERED]) if one.is_decided else self._recorded(one.draft, kept)

    def _recorded(self, one: Draft, kept: Kept) -> Answer:
        """Of an event that is recorded by now: what was decided, or is by the calls of a pass."""
        telling = one.telling
        if not telling.decides:
            return Answer(kept)
        if self.halt is not None:
            return Answer(kept, waiting=str(self.halt))
        event = telling.event
        found = decide_recorded(self.connection, self.store, self.plans, event.source, [event.id], telling.now)
        return Answer(kept, found.get(event.id, ()))


def _occasion(one: _Fresh) -> Occasion:
    assert one.listeners is not None
    return Occasion(one.draft, one.person, one.listeners)
