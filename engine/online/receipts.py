"""Receipts of one rule, prepared: its clauses are laid out once, and each row only reads, compares and fills them in.

The text is that of `decisions.receipts` byte for byte; what differs is that a clause is read once a row, a connective
takes its parts' verdicts, and what does not change with the row is JSON already.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from dsl.datatypes import Value
from dsl.operators import OPERATORS
from dsl.terms import attributes
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Not, Relation, SegmentUse, Term, Test
from engine.decisions.receipts import Candidate
from engine.matching.computed import Reader, read_for_people
from engine.matching.interpreter import PRESENCE
from engine.matching.outline import Entry, outline
from engine.matching.reads import sides
from engine.matching.terms import elapsed, read_term
from engine.privacy import MASK, Row, shown
from engine.store.documents import dump

Read = Callable[[Row, dt.date], Value | None]
Verdict = bool | None

_JSON: dict[Verdict, str] = {None: "null", True: "true", False: "false"}
_text = json.encoder.encode_basestring  # a JSON string; characters beyond ASCII stay as they are
_MASKED = _text(MASK)


class ReceiptForm:
    """The receipt of one condition, to be filled in. `personal` are the keys whose values are masked."""

    def __init__(self, condition: Condition, personal: frozenset[str]) -> None:
        self._root = _laid_out(list(outline(condition)), personal)

    def filled(self, row: Row, day: dt.date, candidates: Sequence[Candidate]) -> str:
        """The body for a row on a local day, as JSON. Raises NotStored where it asks of a past nobody looked up."""
        lines: list[str] = []
        self._root.fill(row, day, lines)
        return f'{{"candidates":{dump(candidates)},"clauses":[{",".join(lines)}]}}'


class _Line(Protocol):
    """One entry of a condition's outline with those below it."""

    def fill(self, row: Row, day: dt.date, lines: list[str]) -> Verdict:
        """Add its line and theirs, as JSON, outermost first; its verdict."""


@dataclass(frozen=True, slots=True)
class _Clause:
    """A test of one value; `head` and `tail` are the JSON around what a row fills in."""

    head: str
    tail: str
    read: Read
    show: Read | None  # None: what was read
    meaning: Callable[[Value, tuple[Value, ...], dt.date], bool]
    operands: tuple[Value, ...]
    missing: Verdict
    is_personal: bool

    def fill(self, row: Row, day: dt.date, lines: list[str]) -> Verdict:
        value = told = self.read(row, day)
        verdict = self.missing if value is None else self.meaning(value, self.operands, day)
        if self.show is not None:
            told = self.show(row, day)
        text = _MASKED if self.is_personal and told is not None else _text(shown(told))
        lines.append(f"{self.head}{text},{_JSON[verdict]}{self.tail}")
        return verdict


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two values side by side."""

    head: str
    tail: str
    read: tuple[Read, Read]
    show: tuple[Read, Read]
    meaning: Callable[[Value, tuple[Value, ...], dt.date], bool]
    is_personal: bool

    def fill(self, row: Row, day: dt.date, lines: list[str]) -> Verdict:
        left, right = (read(row, day) for read in self.read)
        verdict = None if left is None or right is None else self.meaning(left, (right,), day)
        told = [show(row, day) for show in self.show]
        is_masked = self.is_personal and any(value is not None for value in told)
        text = _MASKED if is_masked else _text(" and ".join(map(shown, told)))
        lines.append(f"{self.head}{text},{_JSON[verdict]}{self.tail}")
        return verdict


@dataclass(frozen=True, slots=True)
class _Connective:
    """`not`, `and`, `or`, or a segment: what its parts say together."""

    head: str
    tail: str
    parts: tuple[_Line, ...]
    together: Callable[[Sequence[Verdict]], Verdict]

    def fill(self, row: Row, day: dt.date, lines: list[str]) -> Verdict:
        place = len(lines)
        lines.append("")
        verdict = self.together([part.fill(row, day, lines) for part in self.parts])
        lines[place] = f"{self.head}null,{_JSON[verdict]}{self.tail}"
        return verdict


def _all(parts: Sequence[Verdict]) -> Verdict:
    return False if False in parts else None if None in parts else True


def _any(parts: Sequence[Verdict]) -> Verdict:
    return True if True in parts else None if None in parts else False


def _not(parts: Sequence[Verdict]) -> Verdict:
    return None if parts[0] is None else not parts[0]


def _same(parts: Sequence[Verdict]) -> Verdict:
    return parts[0]


# --- laid out once ---------------------------------------------------------------------------------------------------


def _laid_out(entries: list[Entry], personal: frozenset[str]) -> _Line:
    """The tree of an outline: what follows an entry one deeper is its part."""
    first, rest = entries[0], entries[1:]
    head, tail = f"[{_text(first.text)},", f",{first.depth}]"
    terms = sides(first.condition)
    is_personal = any(one.key in personal for term in terms for one in attributes(term))
    match first.condition:
        case Test(operator, term, operands):
            read, show = _side(term)
            missing = OPERATORS[operator].missing if operator in PRESENCE else None
            return _Clause(head, tail, read, show, OPERATORS[operator].meaning, operands, missing, is_personal)
        case Relation(operator):
            (left, show_left), (right, show_right) = map(_side, terms)
            shows = (show_left or left, show_right or right)
            return _Comparison(head, tail, (left, right), shows, OPERATORS[operator].meaning, is_personal)
    starts = [place for place, entry in enumerate(rest) if entry.depth == first.depth + 1]
    groups = [rest[start:end] for start, end in zip(starts, [*starts[1:], len(rest)], strict=False)]
    return _Connective(
        head, tail, tuple(_laid_out(group, personal) for group in groups), _TOGETHER[type(first.condition)]
    )


_TOGETHER: dict[type[Condition], Callable[[Sequence[Verdict]], Verdict]] = {
    All: _all,
    AnyOf: _any,
    Not: _not,
    SegmentUse: _same,
}


def _side(term: Term) -> tuple[Read, Read | None]:
    """How a term is read to compare, and to show where that differs."""
    match term:
        case Attribute():
            return _attribute(term.key), None
        case Elapsed(start=Attribute() as start):
            return _elapsed(start.key, term), None
        case Amount(money):
            read = partial(read_term, term)
            return read, lambda row, day: row[money.key] if read(row, day) is not None else None
    return lambda row, day: _reader(row, day).read(term), lambda row, day: read_for_people(term, _reader(row, day))


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
