"""What the language has and this version does not run yet. A rule that needs any of it is checked, tested and left out.

The reference interpreter and rule tests answer all of these; passes, previews and decisions do not, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dsl.typed import Action, Call, Rule


@dataclass(frozen=True, slots=True)
class NotRun:
    """A rule that is left out, and what it waits for."""

    rule: str
    waits_for: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "waits_for": list(self.waits_for)}


def waits_for(rule: Rule) -> tuple[str, ...]:
    """What this rule needs that this version does not run, in plain words; nothing for a rule that runs."""
    calls = any(isinstance(action, Call) for action in _every_action(rule))
    needs = ((calls, "calling a task"), (rule.goal is not None, "goals"))
    return tuple(what for present, what in needs if present)


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


def _every_action(rule: Rule) -> Iterator[Action]:
    yield from rule.actions
    for arm in rule.split:
        yield from arm.actions
