"""Values that may be missing: clauses that silently leave people out, with the live count."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.check_errors import Finding
from dsl.lint import findings
from dsl.lint.cells import stored
from dsl.operators import OPERATORS
from dsl.printer import term_name
from dsl.statistics import Statistics
from dsl.typed import All, AnyOf, Attribute, Condition, Elapsed, Not, Relation, SegmentUse, Test

_PRESENCE = ("is_known", "is_missing")
_NEGATIONS = frozenset(name for name in OPERATORS if name.startswith("not_") or name == "is_false")


def check_missing(condition: Condition, statistics: Statistics) -> Iterator[Finding]:
    """Negated clauses about values that some rows lack, unless the condition asks for presence itself."""
    leaves = list(_leaves(condition, is_negated=False))
    asked = {one.key for test, _ in leaves if test.operator in _PRESENCE for one in stored(test.term)}
    for test, is_negated in leaves:
        if not is_negated or test.operator in _PRESENCE or not isinstance(test.term, Attribute | Elapsed):
            continue
        for attribute in stored(test.term):
            count = statistics.missing(attribute.key)
            if count and attribute.key not in asked:
                whose = f"{attribute.owner}s"
                yield findings.missing_never_matches(test.span, term_name(test.term), whose, count)


def _leaves(condition: Condition, *, is_negated: bool) -> Iterator[tuple[Test, bool]]:
    """The tests that the author wrote here, each with whether it leaves something out. Segments tell their own."""
    match condition:
        case Test():
            yield condition, is_negated != (condition.operator in _NEGATIONS)
        case Not(item):
            yield from _leaves(item, is_negated=not is_negated)
        case All(items) | AnyOf(items):
            for item in items:
                yield from _leaves(item, is_negated=is_negated)
        case Relation() | SegmentUse():
            return
