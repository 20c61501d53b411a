"""Two texts side by side, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1; a line that the other side has no partner for is None there."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """`change` is equal, replace, delete (only theirs) or insert (only yours)."""

    change: str
    theirs: Line | None
    yours: Line | None


def compare(theirs: str, yours: str) -> list[Row]:
    """Every line of both texts, once and in order, with partners on one row."""
    left, right = theirs.splitlines(), yours.splitlines()
    rows: list[Row] = []
    for change, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        pairs = zip_longest(_lines(left, i, j), _lines(right, k, m))
        rows += [Row(_change(change, ours, mine), ours, mine) for ours, mine in pairs]
    return rows


@dataclass(frozen=True, slots=True)
class Fold:
    """So many equal lines, left out."""

    same: int


def folded(rows: Sequence[Row], context: int = 3) -> list[Row | Fold]:
    """The changed lines with `context` equal ones around each; longer equal stretches become one fold."""
    changed = [at for at, row in enumerate(rows) if row.change != "equal"]
    near = {at + step for at in changed for step in range(-context, context + 1)}
    shown: list[Row | Fold] = []
    for kept, group in groupby(enumerate(rows), lambda each: each[0] in near):
        stretch = [row for _, row in group]
        shown += stretch if kept or len(stretch) == 1 else [Fold(len(stretch))]
    return shown


def _lines(texts: list[str], start: int, end: int) -> list[Line]:
    return [Line(at + 1, texts[at]) for at in range(start, end)]


def _change(change: str, theirs: Line | None, yours: Line | None) -> str:
    """A replaced block of unequal length ends in lines that only one side has."""
    if change != "replace":
        return change
    return "delete" if yours is None else "insert" if theirs is None else "replace"
