"""A condition line by line, in the author's order: what explanations and funnels go through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsl.typed import All, AnyOf, Condition, Not, Relation, SegmentUse, Test


class Entry(NamedTuple):
    """A test in the author's words, a connective or a segment's name; its parts follow, one `depth` deeper."""

    text: str
    depth: int
    condition: Condition


def outline(condition: Condition, depth: int = 0) -> Iterator[Entry]:
    """The condition's entries, outermost first."""
    text, parts = _head(condition)
    yield Entry(text, depth, condition)
    for part in parts:
        yield from outline(part, depth + 1)


def _head(condition: Condition) -> tuple[str, tuple[Condition, ...]]:
    match condition:
        case Test(text=text) | Relation(text=text):
            return text, ()
        case Not(item):
            return "not", (item,)
        case SegmentUse(name, named):
            return name, (named,)
        case All(items):
            return ("all of" if items else "always"), items
        case AnyOf(items):
            return ("any of" if items else "never"), items
