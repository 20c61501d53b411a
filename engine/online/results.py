"""What decided occasions leave behind: rows as the tables store them, and the lines that callers are answered."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from dsl.typed import Action, Rule, Say, Tag
from engine.decisions import common_counters, reasons
from engine.decisions.deeds import RESULTS
from engine.decisions.effects import NO_EFFECTS, Effects
from engine.decisions.identity import decision_id
from engine.decisions.ledger import COUNTS, TagChange
from engine.decisions.tables import held_as
from engine.online.deciding import Occasion, Outcome
from engine.online.drafts import Draft
from engine.online.facts import Met
from engine.online.listeners import receipt_form
from engine.plans import Plans
from engine.reports.decisions import DecisionLine, line
from engine.store.bulk import Stored
from engine.store.documents import dump, encode_document

DECISIONS = (
    "id",
    "rule",
    "moment",
    "offset",
    "subject",
    "occurrence",
    "customer_id",
    "subscription_id",
    "result",
    "reason",
    "detail",
    "offer",
    "channels",
    "slot",
    "local_date",
    "due_at",
    "decided_at",
    "ruleset",
)
RECEIPTS = ("decision_id", "body")
DELIVERIES = ("decision_id", "channel", "customer_id", "state", "due_at", "attempts", "content")
COUNTERS = ("rule", "moment", "offset", "local_date", "pass_id", *COUNTS)

CounterKey = tuple[str, int, dt.date]
"""moment, offset, local day"""


@dataclass(slots=True)
class Rows:
    """Rows in stored form by table, in the order of the names above; what is to be counted, and tags.

    `met` are occurrences by listeners, `results` what became of matches by rule; `listeners` are their rules' names.
    """

    decisions: list[Sequence[Stored]] = field(default_factory=list)
    receipts: list[Sequence[Stored]] = field(default_factory=list)
    deliveries: list[Sequence[Stored]] = field(default_factory=list)
    tags: list[TagChange] = field(default_factory=list)
    offers: list[Sequence[Stored]] = field(default_factory=list)
    effects: Effects = NO_EFFECTS
    met: Counter[tuple[CounterKey, str]] = field(default_factory=Counter)
    results: dict[tuple[CounterKey, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    listeners: dict[str, Sequence[str]] = field(default_factory=dict)

    def counters(self) -> Sequence[Sequence[Stored]]:
        """The rows of counters, in the order of their keys; events that are decided as they come have pass 0."""
        rows = [common_counters.common(name, _key(key), due) for (key, name), due in self.met.items()]
        rows += [common_counters.matched(rule, _key(key), some) for (key, rule), some in self.results.items()]
        return sorted(tuple(row[name] for name in COUNTERS) for row in rows)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One candidate in words."""

    met: Met
    rule: Rule
    result: str
    reason: str | None
    detail: str | None
    offer: str | None
    channels: tuple[str, ...]
    slot: int
    actions: tuple[Action, ...]
    waits: Mapping[str, str]  # until when, by channel


def add_results(
    rows: Rows, outcome: Outcome, plans: Plans, waiting: Mapping[int, Mapping[str, str]]
) -> list[tuple[DecisionLine, ...]]:
    """Add what the occasions leave behind to the rows, and say what was decided for each, winners first.

    `waiting` says of candidates (by place) on which channels they are sent later, and when (in stored form).
    """
    by_occasion: dict[int, list[_Candidate]] = defaultdict(list)
    for candidate in _candidates(outcome, plans, waiting):
        by_occasion[candidate.met.occasion].append(candidate)
    for each in {met.occasion for met in outcome.met}:
        _count_met(rows, outcome.occasions[each])
    return [_add(rows, occasion, by_occasion[n], plans) for n, occasion in enumerate(outcome.occasions)]


def _candidates(outcome: Outcome, plans: Plans, waiting: Mapping[int, Mapping[str, str]]) -> Iterator[_Candidate]:
    found, rules = outcome.decided.candidates, plans.rule_table
    names = (*rules.product_names, None)
    texts = outcome.texts
    columns = (found.row, found.deed, found.product, found.channels, found.reason, found.detail, outcome.decided.slot)
    rows = zip(*(each.tolist() for each in columns), strict=True)
    for place, (row, deed, product, channels, reason, detail, slot) in enumerate(rows):
        rule = int(rules.deeds.rule[deed])
        yield _Candidate(
            outcome.met[row],
            rules.rules[rule],
            held_as(reasons.CODES[reason]) or RESULTS[int(rules.deeds.result[deed])],
            reasons.CODES[reason],
            texts[detail] if detail >= 0 else None,
            names[product],
            rules.channels(rule, channels),
            slot,
            rules.deeds.actions[deed],
            waiting.get(place, {}),
        )


def _add(rows: Rows, occasion: Occasion, candidates: Sequence[_Candidate], plans: Plans) -> tuple[DecisionLine, ...]:
    rivals = [(one.rule.name, one.rule.priority, one.result, one.reason, one.detail) for one in candidates]
    lines = []
    for one in candidates:
        decision = _decision(occasion, one, plans.ruleset.digest)
        rows.decisions.append(_stored(decision, occasion.draft))
        receipt = receipt_form(plans, one.rule).filled(one.met.row, occasion.listeners.day, rivals)
        rows.receipts.append((decision["id"], receipt))
        rows.results[_counted(occasion), one.rule.name][one.result] += 1
        if one.slot:
            rows.deliveries += _deliveries(occasion, one, decision)
        if one.reason is None:
            rows.tags += _tags(occasion, one.actions)
        lines.append((not one.slot, one.rule.name, line(decision)))
    lines.sort(key=lambda each: each[:2])
    return tuple(each for *_, each in lines)


def _decision(occasion: Occasion, one: _Candidate, ruleset: str) -> dict[str, Any]:
    subject, key = occasion.listeners.subject_of(occasion.person.id, one.met.subscription), occasion.key
    return {
        "id": decision_id(one.rule.name, subject, key),
        "rule": one.rule.name,
        "moment": occasion.event.moment,
        "offset": 0,
        "subject": subject,
        "occurrence": key,
        "customer_id": occasion.person.id,
        "subscription_id": one.met.subscription,
        "result": one.result,
        "reason": one.reason,
        "detail": one.detail,
        "offer": one.offer,
        "channels": one.channels,
        "slot": one.slot or None,
        "local_date": occasion.listeners.day,
        "due_at": occasion.event.occurred_at.astimezone(dt.UTC),
        "decided_at": occasion.draft.telling.now.astimezone(dt.UTC),
        "ruleset": ruleset,
    }


def _stored(decision: Mapping[str, Any], draft: Draft) -> tuple[Stored, ...]:
    stored = dict(decision)
    stored["channels"] = _listed(decision["channels"])
    stored["local_date"] = decision["local_date"].isoformat()
    stored["due_at"], stored["decided_at"] = draft.occurred_at, draft.told_at
    return tuple(stored.values())


@lru_cache(maxsize=1024)
def _listed(channels: tuple[str, ...]) -> str:
    return dump(channels)


def _deliveries(occasion: Occasion, one: _Candidate, decision: Mapping[str, Any]) -> Iterator[Sequence[Stored]]:
    """One a channel of a contact that won."""
    content = dump(
        {
            "message": next((action.message for action in one.actions if isinstance(action, Say)), None),
            "offer": one.offer,
            "subscription": one.met.subscription,
            "day": decision["local_date"].isoformat(),
            "moment": occasion.event.moment,
            "event": encode_document(occasion.listeners.moment.properties, occasion.draft.properties),
        }
    )
    for channel in one.channels:
        due_at = one.waits.get(channel, occasion.draft.occurred_at)
        yield decision["id"], channel, occasion.person.id, "pending", due_at, 0, content


def _tags(occasion: Occasion, actions: Sequence[Action]) -> Iterator[TagChange]:
    for action in actions:
        if isinstance(action, Tag):
            yield occasion.person.id, action.tag, action.add


# --- counted ---------------------------------------------------------------------------------------------------------


def _count_met(rows: Rows, occasion: Occasion) -> None:
    listeners = occasion.listeners
    rows.met[_counted(occasion), listeners.name] += 1
    rows.listeners[listeners.name] = listeners.names


def _counted(occasion: Occasion) -> CounterKey:
    return occasion.event.moment, 0, occasion.listeners.day


def _key(key: CounterKey) -> dict[str, Any]:
    moment, offset, day = key
    return {"moment": moment, "offset": offset, "local_date": day.isoformat(), "pass_id": 0}
