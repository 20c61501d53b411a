"""Which verdicts of which clauses the tests have seen: each clause of each rule true, false, and left open.

A clause that cannot be left open, such as a count of events or `is known`, is not asked for it; a rule without a
condition is asked to be met once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dsl.typed import (
    All,
    Arithmetic,
    Attribute,
    Constant,
    CountOf,
    DecidedCount,
    Relation,
    Rule,
    SumOf,
    Term,
    Test,
)
from engine.matching.interpreter import PRESENCE
from engine.matching.outline import Entry, outline
from engine.matching.reads import sides
from engine.simulation.rule_tests import Result

Verdict = bool | None

WORDS: dict[Verdict, str] = {True: "true", False: "false", None: "missing"}

_ALWAYS_KNOWN = ("customer.id", "customer.tags", "subscription.id", "subscription.addons", "subscription.currency")
"""Built in: whoever has a subscription has them."""


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """A clause of a rule, in the author's words: the verdicts it can have and those that tests have seen."""

    rule: str
    text: str
    possible: tuple[Verdict, ...]
    seen: frozenset[Verdict]

    @property
    def unseen(self) -> tuple[str, ...]:
        return tuple(WORDS[verdict] for verdict in self.possible if verdict not in self.seen)


@dataclass(frozen=True, slots=True)
class Coverage:
    clauses: tuple[ClauseCoverage, ...]

    @property
    def possible(self) -> int:
        return sum(len(one.possible) for one in self.clauses)

    @property
    def seen(self) -> int:
        return self.possible - sum(len(one.unseen) for one in self.clauses)

    @property
    def percent(self) -> float:
        """100 where there is nothing to see."""
        return 100 * self.seen / self.possible if self.possible else 100.0

    def to_json(self) -> dict[str, Any]:
        return {
            "percent": round(self.percent, 1),
            "seen": self.seen,
            "possible": self.possible,
            "unseen": [
                {"rule": one.rule, "clause": one.text, "unseen": list(one.unseen)} for one in self.clauses if one.unseen
            ],
        }


def coverage(rules: Iterable[Rule], results: Iterable[Result]) -> Coverage:
    """Every rule's clauses, in order, with what the tests have seen of them."""
    seen: dict[tuple[str, int], set[Verdict]] = defaultdict(set)
    for result in results:
        for name, lines in result.seen.items():
            for number, line in enumerate(lines):
                seen[name, number].add(line.verdict)
    return Coverage(
        tuple(
            ClauseCoverage(rule.name, entry.text, possible, frozenset(seen[rule.name, number]))
            for rule in rules
            for number, entry in enumerate(outline(rule.condition))
            if (possible := _possible(rule, entry))
        )
    )


def _possible(rule: Rule, entry: Entry) -> tuple[Verdict, ...]:
    """The verdicts to look for; none of a connective, whose verdict follows from its parts."""
    match entry.condition:
        case Test(operator=operator) if operator in PRESENCE:
            return (True, False)
        case Test() | Relation():
            return (True, False, None) if any(map(can_be_missing, sides(entry.condition))) else (True, False)
    return (True,) if rule.condition == All(()) else ()


def can_be_missing(term: Term) -> bool:
    """Whether there are customers of whom nobody can say it."""
    match term:
        case CountOf() | SumOf() | DecidedCount() | Constant():
            return False
        case Attribute():
            return term.key not in _ALWAYS_KNOWN
        case Arithmetic("/", _, right) if not isinstance(right, Constant):
            return True
        case Arithmetic(_, left, right):
            return can_be_missing(left) or can_be_missing(right)
    return True
