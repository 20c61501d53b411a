"""The reference: a condition's truth by the book, three-valued, straight from the operators' meanings.

True, False, or None where a missing value leaves it open; a rule matches where its condition is True. This shares
nothing with the normal form but the terms' values, and is the oracle of the other forms and the source of every "why".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.typed import All, Amount, AnyOf, Condition, Not, SegmentUse, Test
from engine.matching.outline import Entry, outline
from engine.matching.terms import Row, attributes_of, read_term

PRESENCE = ("is_known", "is_missing")
"""The operators that ask whether a value is there, and so are never left open."""


def holds(condition: Condition, row: Row, today: dt.date) -> bool | None:
    """Whether the condition is true of the row on local date `today`; None where a missing value leaves it open."""
    match condition:
        case Test(operator, term, operands):
            value = read_term(term, row, today)
            if value is None:
                return OPERATORS[operator].missing if operator in PRESENCE else None
            return OPERATORS[operator].meaning(value, operands, today)
        case Not(item):
            return _not(holds(item, row, today))
        case SegmentUse(condition=named):
            return holds(named, row, today)
        case All(items):
            return _all(holds(item, row, today) for item in items)
        case AnyOf(items):
            return _not(_all(_not(holds(item, row, today)) for item in items))


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = set(verdicts)
    return False if False in found else None if None in found else True


@dataclass(frozen=True, slots=True)
class Clause:
    """One entry of a condition's outline with its verdict on a row.

    `key` is the attribute that a test is about ("customer.date_of_birth" for an age), and `value` what the test read,
    None where that is missing. Connectives and segments have no key.
    """

    text: str
    value: Value | None
    verdict: bool | None
    depth: int
    key: str | None = None


def clauses(condition: Condition, row: Row, today: dt.date) -> list[Clause]:
    """The condition line by line, outermost first, each with its verdict on the row."""
    return [_clause(entry, row, today) for entry in outline(condition)]


def _clause(entry: Entry, row: Row, today: dt.date) -> Clause:
    verdict = holds(entry.condition, row, today)
    if not isinstance(entry.condition, Test):
        return Clause(entry.text, None, verdict, entry.depth)
    term = entry.condition.term
    value = read_term(term, row, today)
    key = attributes_of(term)[0].key
    read = row[key] if isinstance(term, Amount) and value is not None else value
    return Clause(entry.text, read, verdict, entry.depth, key)
