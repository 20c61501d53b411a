"""What the language has and this version does not run yet. A rule that needs any of it is checked, tested and left out.

The reference interpreter and rule tests answer all of these; passes, previews and decisions do not, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dsl.catalog import Owner
from dsl.syntax import Purpose
from dsl.typed import (
    Action,
    Arithmetic,
    Attribute,
    Call,
    Condition,
    CountOf,
    DecidedCount,
    LastOf,
    Offer,
    QuotaOf,
    Relation,
    Rule,
    SinceLast,
    SumOf,
    Term,
    UsageOf,
)
from engine.matching.outline import outline
from engine.matching.reads import terms_of

_TERMS: dict[type, str] = {
    CountOf: "counting events",
    SumOf: "adding up events",
    LastOf: "the last event of a kind",
    SinceLast: "the last event of a kind",
    UsageOf: "meters",
    QuotaOf: "meters",
    DecidedCount: "what was offered or accepted before",
    Arithmetic: "arithmetic",
}


@dataclass(frozen=True, slots=True)
class NotRun:
    """A rule that is left out, and what it waits for."""

    rule: str
    waits_for: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "waits_for": list(self.waits_for)}


def waits_for(rule: Rule) -> tuple[str, ...]:
    """What this rule needs that this version does not run, in plain words; nothing for a rule that runs."""
    return tuple(dict.fromkeys((*asks_for(rule.condition), *_actions(rule), *_clauses(rule))))


def asks_for(condition: Condition) -> tuple[str, ...]:
    """What a condition needs of it."""
    found: list[str] = []
    for entry in outline(condition):
        found.extend(_TERMS[type(term)] for term in terms_of(entry.condition) if type(term) in _TERMS)
        if any(_of_one_moment(term) for term in terms_of(entry.condition)):
            found.append("a property of one of several moments")
        if isinstance(entry.condition, Relation):
            found.append("comparing two values with each other")
    return tuple(dict.fromkeys(found))


def _of_one_moment(term: Term) -> bool:
    """`email_opened.message`, where other moments of the rule have a `message` too."""
    return isinstance(term, Attribute) and term.owner is Owner.EVENT and "." in term.name


def not_run(rules: Iterable[Rule]) -> tuple[NotRun, ...]:
    """The rules that are left out, in their order."""
    found = (NotRun(rule.name, waits_for(rule)) for rule in rules)
    return tuple(one for one in found if one.waits_for)


def notice(left_out: tuple[NotRun, ...]) -> str | None:
    """One sentence for people: "2 rules are checked but not run by this version: ..."; None where every rule runs."""
    if not left_out:
        return None
    rules = "1 rule is" if len(left_out) == 1 else f"{len(left_out)} rules are"
    named = ", ".join(f"{one.rule} ({', '.join(one.waits_for)})" for one in left_out)
    return f"{rules} checked but not run by this version: {named}."


# --- the parts of a rule ---------------------------------------------------------------------------------------------


def _actions(rule: Rule) -> Iterator[str]:
    if rule.split:
        yield "experiments"
    for action in every_action(rule):
        if isinstance(action, Call):
            yield "calling a task"
        if isinstance(action, Offer):
            yield from _offer(action)


def every_action(rule: Rule) -> Iterator[Action]:
    """The rule's own actions, then those of each arm."""
    yield from rule.actions
    for arm in rule.split:
        yield from arm.actions


def _offer(offer: Offer) -> Iterator[str]:
    if offer.price is not None:
        yield "prices in offers"
    if offer.free_months:
        yield "free periods"
    if offer.extras:
        yield "add-ons given with an offer"


def _clauses(rule: Rule) -> Iterator[str]:
    for present, what in (
        (rule.purpose is Purpose.SERVICE, "messages as a service"),
        (rule.worth is not None, "the worth of an offer"),
        (rule.at_most_once is not None, "a cap for each customer"),
        (rule.customers_caps, "a cap on customers"),
        (rule.budgets, "budgets"),
        (rule.hold_out, "holding out"),
        (rule.expires is not None, "offers that expire"),
        (rule.goal is not None, "goals"),
    ):
        if present:
            yield what
