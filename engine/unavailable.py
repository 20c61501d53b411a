"""What the language has and this version does not run yet. A rule that needs any of it is checked, tested and left out.

The reference interpreter and rule tests answer all of these; passes, previews and decisions do not, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dsl.choices import HistoryVerb, Purpose
from dsl.typed import Action, Call, Condition, DecidedCount, Offer, Rule
from engine.matching.reads import historic


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
    asked = any(isinstance(one, DecidedCount) and one.verb is HistoryVerb.ACCEPTED for one in historic(condition))
    return ("what was accepted before",) if asked else ()


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
