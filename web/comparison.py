"""Two texts side by side, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest


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


def _lines(texts: list[str], start: int, end: int) -> list[Line]:
    return [Line(at + 1, texts[at]) for at in range(start, end)]


def _change(change: str, theirs: Line | None, yours: Line | None) -> str:
    """A replaced block of unequal length ends in lines that only one side has."""
    if change != "replace":
        return change
    return "delete" if yours is None else "insert" if theirs is None else "replace"
