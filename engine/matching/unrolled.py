"""The event form of many rules: an AND of masks, written out for their columns and compiled.

Named columns come first, then numbers, then sets; what has to be counted first is read only where a conjunct that still
stands asks for it, and so are the guards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.matching.columns import Column
from engine.matching.guards import Guards
from engine.matching.masks import Elements
from engine.matching.spelling import Spelling, is_plain, key_of_column
from engine.matching.terms import Row


class Match(Protocol):
    """The numbers of the rules whose condition holds for the row, ascending; of the conjuncts that are `standing`."""

    def __call__(self, row: Row, standing: int = ...) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class NamedMasks:
    """The mask of each value of a named column that is asked for (and of None), and that of every other value."""

    key: str
    masks: dict[Any, int]
    other: int


@dataclass(frozen=True, slots=True)
class OrderedMasks:
    """The masks of an ordered column's classes, which the points part, and that of the missing value.

    `asking` are the conjuncts that ask the column.
    """

    column: Column
    asking: int
    points: list[Any]
    classes: list[int]
    missing: int


def unrolled(
    everything: int,
    named: Sequence[NamedMasks],
    ordered: Sequence[OrderedMasks],
    elements: Sequence[Elements],
    guards: Guards,
    end: Callable[[int], list[int]],
) -> Match:
    """A function that finds what `end` makes of the mask of the conjuncts that hold for a row."""
    writer = _Writer()
    lines = [*writer.function(everything, named, ordered, elements), *writer.guarded(guards, end)]
    exec(compile("\n".join(lines), "<masks>", "exec"), writer.spelling.names)
    match: Match = writer.spelling.names["match"]
    return match


class _Writer:
    """Writes the function, line by line."""

    def __init__(self) -> None:
        self.spelling = Spelling()
        self._place = self.spelling.name(bisect_right, "place_")

    def function(
        self,
        everything: int,
        named: Sequence[NamedMasks],
        ordered: Sequence[OrderedMasks],
        elements: Sequence[Elements],
    ) -> Iterator[str]:
        yield from (f"def match(row, standing={everything:#x}):", " get = row.get")
        for some in named:
            yield f" standing &= {self._of(some.masks.get)}(get({some.key!r}), {some.other:#x})"
        for sets in elements:
            yield f" standing &= {self._of(sets.mask)}(get({sets.key!r}))"
        for masks in sorted(ordered, key=lambda masks: not is_plain(masks.column)):
            indent = " "
            if not is_plain(masks.column):
                yield f" if standing & {masks.asking:#x}:"
                indent = "  "
            yield from (indent + line for line in self._ordered(masks))

    def guarded(self, guards: Guards, end: Callable[[int], list[int]]) -> Iterator[str]:
        if guards.guarded:
            yield f" if standing & {guards.guarded:#x}:"
            yield f"  standing = {self._of(guards.ask)}(standing, row)"
        yield f" return {self._of(end)}(standing)"

    def _ordered(self, masks: OrderedMasks) -> Iterator[str]:
        held, number = self.spelling.variable(masks.column), self.spelling.number(masks.column)
        before, is_known, counted = self.spelling.reading(masks.column)
        yield f"{held} = get({key_of_column(masks.column)!r})"
        yield from before
        yield f"if {is_known}:"
        yield from (f" {line}" for line in counted)
        yield f" standing &= {self._list(masks.classes)}[{self._place}({self._list(masks.points)}, {number})]"
        yield f"else: standing &= {masks.missing:#x}"

    def _of(self, function: Any) -> str:
        return self.spelling.name(function, "call_")

    def _list(self, values: list[Any]) -> str:
        return self.spelling.name(tuple(values), "list_")
