"""Receipts of one rule, prepared: its clauses are laid out once, and each row only reads, compares and fills them in.

The text is that of `decisions.receipts` byte for byte; what differs is that a clause is read once a row, a connective
takes its parts' verdicts, and what does not change with the row is JSON already.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.terms import attributes
from dsl.typed import All, AnyOf, Attribute, Condition, Elapsed, Not, Relation, SegmentUse, Term, Test
from engine.decisions.receipts import Candidate
from engine.matching.computed import Reader, read_for_people
from engine.matching.interpreter import PRESENCE
from engine.matching.outline import Entry, outline
from engine.matching.reads import sides
from engine.matching.terms import elapsed
from engine.privacy import MASK, Row, shown
from engine.store.documents import dump

Read = Callable[[Row, dt.date], Value | None]
Verdict = bool | None

_JSON = {None: "null", True: "true", False: "false"}
_text = json.encoder.encode_basestring  # a JSON string; characters beyond ASCII stay as they are


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a clause: how its value is read to compare, and to show (None: the same value)."""

    read: Read
    show: Read | None


@dataclass(frozen=True, slots=True)
class _Line:
    """One entry of a condition's outline with its parts; `head` and `tail` are JSON around what a row fills in."""

    condition: Condition
    head: str
    tail: str
    sides: tuple[_Side, ...]
    is_personal: bool
    parts: tuple[_Line, ...]


class ReceiptForm:
    """The receipt of one condition, to be filled in. `personal` are the keys whose values are masked."""

    def __init__(self, condition: Condition, personal: frozenset[str]) -> None:
        self._root = _laid_out(list(outline(condition)), personal)

    def filled(self, row: Row, day: dt.date, candidates: Sequence[Candidate]) -> str:
        """The body for a row on a local day, as JSON. Raises NotStored where the row lacks what was asked of its past."""
        lines: list[str] = []
        _fill(self._root, row, day, lines)
        return f'{{"candidates":{dump(candidates)},"clauses":[{",".join(lines)}]}}'


def _fill(line: _Line, row: Row, day: dt.date, lines: list[str]) -> Verdict:
    """Write the line and those of its parts, outermost first; its verdict."""
    place = len(lines)
    lines.append("")
    values = [side.read(row, day) for side in line.sides]
    verdict = _verdict(line, values, [_fill(part, row, day, lines) for part in line.parts], day)
    lines[place] = f"{line.head}{_shown(line, values, row, day)},{_JSON[verdict]}{line.tail}"
    return verdict


def _verdict(line: _Line, values: Sequence[Value | None], parts: Sequence[Verdict], day: dt.date) -> Verdict:
    match line.condition:
        case Test(operator, operands=operands):
            if values[0] is None:
                return OPERATORS[operator].missing if operator in PRESENCE else None
            return OPERATORS[operator].meaning(values[0], operands, day)
        case Relation(operator):
            return None if None in values else OPERATORS[operator].meaning(values[0], (values[1],), day)
        case Not():
            return None if parts[0] is None else not parts[0]
        case SegmentUse():
            return parts[0]
        case All():
            return False if False in parts else None if None in parts else True
        case AnyOf():
            return True if True in parts else None if None in parts else False


def _shown(line: _Line, values: Sequence[Value | None], row: Row, day: dt.date) -> str:
    if not line.sides:
        return "null"
    told = [side.show(row, day) if side.show else value for side, value in zip(line.sides, values, strict=True)]
    if line.is_personal and any(value is not None for value in told):
        return _text(MASK)
    return _text(" and ".join(map(shown, told)))


# --- laid out once ---------------------------------------------------------------------------------------------------


def _laid_out(entries: list[Entry], personal: frozenset[str]) -> _Line:
    """The tree of an outline: what follows an entry one deeper is its part."""
    first, rest = entries[0], entries[1:]
    starts = [place for place, entry in enumerate(rest) if entry.depth == first.depth + 1]
    groups = [rest[start:end] for start, end in zip(starts, [*starts[1:], len(rest)], strict=False)]
    terms = sides(first.condition)
    return _Line(
        first.condition,
        f"[{_text(first.text)},",
        f",{first.depth}]",
        tuple(_side(term) for term in terms),
        any(one.key in personal for term in terms for one in attributes(term)),
        tuple(_laid_out(group, personal) for group in groups),
    )


def _side(term: Term) -> _Side:
    match term:
        case Attribute():
            return _Side(_attribute(term.key), None)
        case Elapsed(start=Attribute() as start):
            return _Side(_elapsed(start.key, term), None)
    return _Side(
        lambda row, day: _reader(row, day).read(term), lambda row, day: read_for_people(term, _reader(row, day))
    )


def _attribute(key: str) -> Read:
    return lambda row, day: row.get(key)


def _elapsed(key: str, term: Elapsed) -> Read:
    def read(row: Row, day: dt.date) -> Value | None:
        start = row.get(key)
        return elapsed(start, term.unit, day) if isinstance(start, dt.date) else None

    return read


def _reader(row: Row, day: dt.date) -> Reader:
    """Reads what is computed; events were counted when they were looked up."""
    return Reader(row, day, None, _counted)


def _counted(*_: Any) -> bool:
    raise TypeError("events are counted by the happenings, never for a receipt")
