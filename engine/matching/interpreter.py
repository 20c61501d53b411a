"""The reference: a condition's truth by the book, three-valued, straight from the operators' meanings.

True, False, or None where a missing value leaves it open; a rule matches where its condition is True. This shares
nothing with the normal form but the stored terms' values, and is the oracle of the other forms and the source of every
"why". It alone answers the whole language: events, meters, earlier decisions and arithmetic, with a `History`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.terms import attributes
from dsl.typed import All, AnyOf, Condition, Events, Not, Relation, SegmentUse, Test
from engine.matching.computed import Reader, read_for_people
from engine.matching.history import Happened, History
from engine.matching.outline import Entry, outline
from engine.matching.reads import sides
from engine.matching.terms import OWN_CURRENCY, Row

PRESENCE = ("is_known", "is_missing")
"""The operators that ask whether a value is there, and so are never left open."""


def holds(condition: Condition, row: Row, today: dt.date, history: History | None = None) -> bool | None:
    """Whether the condition is true of the row on local date `today`; None where a missing value leaves it open.

    Raises NotStored where the condition asks what happened before and no history is given.
    """
    match condition:
        case Test(operator, term, operands):
            value = _reader(row, today, history).read(term)
            if value is None:
                return OPERATORS[operator].missing if operator in PRESENCE else None
            return OPERATORS[operator].meaning(value, operands, today)
        case Relation(operator, left, right):
            reader = _reader(row, today, history)
            value, other = reader.read(left), reader.read(right)
            return None if value is None or other is None else OPERATORS[operator].meaning(value, (other,), today)
        case Not(item):
            return _not(holds(item, row, today, history))
        case SegmentUse(condition=named):
            return holds(named, row, today, history)
        case All(items):
            return _all(holds(item, row, today, history) for item in items)
        case AnyOf(items):
            return _not(_all(_not(holds(item, row, today, history)) for item in items))


def _reader(row: Row, today: dt.date, history: History | None) -> Reader:
    """Reads terms; which events count is a condition again, asked of each event's own properties."""

    def counts(events: Events, event: Happened) -> bool:
        own: Mapping[str, Value] = {f"event.{name}": value for name, value in event.properties.items()}
        currency = {OWN_CURRENCY.key: row[OWN_CURRENCY.key]} if OWN_CURRENCY.key in row else {}
        return holds(events.where, {**currency, **own}, today, history) is True

    return Reader(row, today, history, counts)


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = set(verdicts)
    return False if False in found else None if None in found else True


@dataclass(frozen=True, slots=True)
class Clause:
    """One entry of a condition's outline with its verdict on a row.

    `reads` are the values of its one or two sides, None where a side is missing; `keys` the attributes that they come
    from ("customer.date_of_birth" for an age). Connectives and segments have neither.
    """

    text: str
    reads: tuple[Value | None, ...]
    verdict: bool | None
    depth: int
    keys: tuple[str, ...] = ()


def clauses(condition: Condition, row: Row, today: dt.date, history: History | None = None) -> list[Clause]:
    """The condition line by line, outermost first, each with its verdict on the row. Raises NotStored as `holds`."""
    return [_clause(entry, row, today, history) for entry in outline(condition)]


def _clause(entry: Entry, row: Row, today: dt.date, history: History | None) -> Clause:
    verdict = holds(entry.condition, row, today, history)
    terms = sides(entry.condition)
    reader = _reader(row, today, history)
    reads = tuple(read_for_people(side, reader) for side in terms)
    keys = dict.fromkeys(attribute.key for side in terms for attribute in attributes(side))
    return Clause(entry.text, reads, verdict, entry.depth, tuple(keys))
