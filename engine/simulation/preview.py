"""Who would meet a rule on a day: the very calls of a pass, for one rule, in a read-only transaction.

The funnel goes from everybody the moment could concern, through its gate (`while:`), to those due, and clause by
clause to those who match; then what would become of them if this rule were alone, and a few of them with the message
that they would read. Personal values are masked. Of a rule that this version does not run only the funnel is shown, as
far as its condition can be answered, and what the rule waits for.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dsl.printer import term_name
from dsl.typed import All, Condition, Not, Rule, Ruleset, Say
from dsl.wording import sentence
from engine.decisions import reasons
from engine.decisions.batch_precedents import batch_precedents
from engine.decisions.deeds import is_contact
from engine.decisions.occasions import Batch, Part, merge
from engine.decisions.priced_by import with_price_facts
from engine.decisions.results import matched_occurrences
from engine.decisions.rule_table import RuleTable
from engine.decisions.tables import decide_batch
from engine.deliveries.presenting import Presented, present
from engine.deliveries.rendering import MessageFailed, compose
from engine.happenings.history import with_history
from engine.matching.keys import key_of
from engine.matching.outline import outline
from engine.matching.plan import Plan
from engine.moments.due import due_batch, gate_counts
from engine.moments.events import event_batch
from engine.plans import Plans
from engine.privacy import Row, masked, personal_keys
from engine.simulation.day_events import day_events
from engine.store.reindex import is_indexed
from engine.store.rows import joined
from engine.store.session import Store
from engine.store.state import customer_states
from engine.unavailable import waits_for


@dataclass(frozen=True, slots=True)
class ClauseCount:
    """How many of the due a clause is true of, false of, or left open by a missing value."""

    text: str
    depth: int
    true: int
    false: int
    missing: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One who matches: what would be offered, the message as it would read, and the values the rule reads."""

    customer_id: str
    subscription_id: str | None
    offer: str | None
    subject: str | None
    body: str | None
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """`base` subjects have a scheduled moment that day, `gated` of them in its `while:` statuses (0 for event moments).

    `due` are occurrences, `matched` those that the rule matches. Clauses are counted by row: a subscription that meets
    the moment, or a customer without any. `outcomes` say what would become of the matches, with counts; limits of rules
    are left aside. `waits_for` is why this version does not run the rule.
    """

    rule: str
    sentence: str
    day: dt.date
    base: int
    gated: int
    due: int
    matched: int
    clauses: tuple[ClauseCount, ...]
    outcomes: tuple[tuple[str, int], ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    waits_for: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat()}


def preview(store: Store, ruleset: Ruleset, rule: Rule, day: dt.date, now: dt.datetime, samples: int = 10) -> Preview:
    """Count and sample on each customer's local `day`. Writes nothing."""
    waiting = waits_for(rule)
    asked = _moments_and_condition(rule) if waiting else replace(rule, starts=None, ends=None)
    plans = Plans(replace(ruleset, rules=(asked,)))
    with store.read() as connection:
        indexed = is_indexed(connection, plans.catalog)
        gates = [gate_counts(connection, plans.catalog, use, day) for use in plans.scheduled(day)]
        parts = _parts(connection, plans, asked, day)
        outcomes, shown = ((), ()) if waiting else _decided(connection, plans, parts, day, now, samples)
    due = sum(part.occurrences() for part in parts)
    rows = sum(part.table.num_rows for part in parts)
    notes = _notes(rule, day, now, sum(each.without_interval for each in gates), indexed)
    return Preview(
        rule.name,
        sentence(rule),
        day,
        sum(each.before for each in gates),
        sum(each.after for each in gates),
        due,
        _matched(parts, plans.rule_table),
        _funnel(asked.condition, parts, day) if asked.condition != All(()) else (),
        outcomes,
        shown,
        (*notes, *_counted_by_row(asked, due, rows)),
        waiting,
    )


def _moments_and_condition(rule: Rule) -> Rule:
    """What can be counted of a rule that is not run: its moments and its condition."""
    return Rule(rule.name, rule.title, rule.moments, rule.condition, ())


def _parts(connection: sa.Connection, plans: Plans, rule: Rule, day: dt.date) -> list[Part]:
    parts = []
    scheduled = plans.scheduled(day)
    for use in rule.moments:
        plan = plans.plan(use, day)
        reads = plans.reads(use, plan)
        if use in scheduled:
            table = due_batch(connection, plans.catalog, use, day, None, None, reads)
        else:
            found = day_events(connection, use.moment, day, use.delay)
            table = event_batch(connection, plans.catalog, use, found, reads)
        table = with_history(connection, plans.catalog, table, plan.terms, day)
        parts.append(Part(use, day, table, plan, plans.rules_of(use)))
    return parts


def _matched(parts: Sequence[Part], rules: RuleTable) -> int:
    """The occurrences that the rule matches."""
    filled = [part for part in parts if part.table.num_rows]
    return len(matched_occurrences(merge(filled, rules))) if filled else 0


def _funnel(condition: Condition, parts: Sequence[Part], day: dt.date) -> tuple[ClauseCount, ...]:
    """Each entry of the condition and its negation, matched against the due like rules; the rest is missing."""
    entries = list(outline(condition))
    asked = [each for entry in entries for each in (entry.condition, Not(entry.condition))]
    counts = np.zeros(len(asked), np.int64)
    plan = Plan(asked)
    for part in parts:
        if part.table.num_rows:
            counts += np.bincount(plan.match_batch(part.table, day)["rule"].to_numpy(), minlength=len(asked))
    due = sum(part.table.num_rows for part in parts)
    return tuple(
        ClauseCount(entry.text, entry.depth, true, false, due - true - false)
        for entry, true, false in zip(entries, counts[::2].tolist(), counts[1::2].tolist(), strict=True)
    )


def _decided(
    connection: sa.Connection, plans: Plans, parts: Sequence[Part], day: dt.date, now: dt.datetime, samples: int
) -> tuple[tuple[tuple[str, int], ...], tuple[Sample, ...]]:
    """What would become of the matches if this rule were alone, and the first few that would win."""
    filled = [part for part in parts if part.table.num_rows]
    if not filled:
        return (), ()
    batch = with_price_facts(connection, merge(filled, plans.rule_table), plans.price_facts)
    matches = pa.table({"row": batch.row, "rule": batch.rule})
    before = batch_precedents(connection, batch, now, binding=False)
    candidates = decide_batch(batch.table, matches, batch.rules, day=day, precedents=before)
    counts = Counter(zip(candidates["result"].to_pylist(), candidates["reason"].to_pylist(), strict=True))
    outcomes = tuple(
        (f"{result.replace('_', ' ')}: {reasons.summary(reason)}" if reason else result, count)
        for (result, reason), count in counts.most_common()
    )
    won = candidates.filter(pa.array([each is None for each in candidates["reason"].to_pylist()], pa.bool_()))
    chosen = won.slice(0, samples)
    return outcomes, tuple(_samples(connection, plans, batch, chosen, day))


def _samples(connection: sa.Connection, plans: Plans, batch: Batch, chosen: pa.Table, day: dt.date) -> Iterator[Sample]:
    rows = chosen["row"].to_pylist()
    facts = plans.price_facts.names
    keys = batch.table.take(chosen["row"]).select(["customer", "subscription", *facts]).to_pylist()
    people = customer_states(connection, plans.catalog, sorted({key["customer"] for key in keys}))
    hide = personal_keys(plans.catalog)
    rule = batch.rules.rules[0]
    message = next((action.message for action in rule.actions if isinstance(action, Say)), None)
    read = batch.states(rows, plans.catalog)
    for key, state, product in zip(keys, read, chosen["product"].to_pylist(), strict=True):
        priced = {name: key[name] for name in facts}
        row = {**joined(people[key["customer"]], key["subscription"]), **state, **priced}
        presented = present(plans.catalog, rule.actions, product, row, day) if product else None
        subject, body = (
            _message(plans.ruleset, message, row, day, presented, hide) if is_contact(rule.actions) else (None, None)
        )
        values = _values(batch, state, hide)
        yield Sample(
            key["customer"],
            key["subscription"],
            product,
            subject,
            body,
            values,
        )


def _values(batch: Batch, state: Row, hide: frozenset[str]) -> dict[str, str]:
    """What the rule read, for people: attributes by key, what happened before as it is written."""
    named = {key_of(term): term_name(term) for part in batch.parts for term in part.plan.terms}
    return {named.get(key, key): masked(key, value, hide) for key, value in sorted(state.items())}


def _counted_by_row(rule: Rule, due: int, rows: int) -> Iterator[str]:
    if rule.condition != All(()) and rows != due:
        yield f"Some have several subscriptions: the clauses are counted for each of the {rows:,}."


def _message(
    ruleset: Ruleset, message: str | None, row: Row, day: dt.date, offer: Presented | None, hide: frozenset[str]
) -> tuple[str | None, str]:
    try:
        rendered = compose(ruleset, message, row, day, offer, hide=hide)
    except MessageFailed as error:
        return None, str(error)
    return rendered.subject, rendered.body


def _notes(rule: Rule, day: dt.date, now: dt.datetime, without_interval: int, indexed: bool) -> Iterator[str]:
    if not rule.active_on(day):
        yield f"The rule does not run on {day}: its dates are over or not yet come."
    if not indexed:
        yield "The catalog has changed since the dates were last indexed; the next pass brings them up to date."
    if without_interval:
        yield f"{without_interval:,} subscriptions have no billing interval, so no anniversary of their bill is known."
    if day < now.date():
        yield "Earlier days are counted with what is known of everybody today."
