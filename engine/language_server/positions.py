"""Places in a text as editors count them: lines from 0, and columns in the units that client and server agreed on.

The protocol's unit is UTF-16 unless both agree otherwise, so an emoji is two columns and a combining mark is one.
Its lines end at line feeds, carriage returns and both together, and nowhere else.
"""

from __future__ import annotations

import bisect
import re
from functools import lru_cache

from lsprotocol import types

from dsl.source import Span

_LINE_END = re.compile(r"\r\n|\n|\r")
_UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@lru_cache(maxsize=32)
def positions_of(text: str, encoding: str = "utf-16") -> Positions:
    """The lines of a text, counted once: questions about it come in rows."""
    return Positions(text, encoding)


class Positions:
    """The lines of one text. Offsets count characters, as everywhere in Carpe."""

    def __init__(self, text: str, encoding: str) -> None:
        self.text = text
        self.codec, self.width = _UNITS[encoding]
        ends = list(_LINE_END.finditer(text))
        self.starts = [0, *(match.end() for match in ends)]
        self.ends = [*(match.start() for match in ends), len(text)]

    def offset(self, position: types.Position) -> int:
        """The character there; the end of the line for a column behind it, the end of the text for a line behind it."""
        if position.line >= len(self.starts):
            return len(self.text)
        line = self.text[self.starts[position.line] : self.ends[position.line]]
        left = position.character
        for number, character in enumerate(line):
            left -= self._units(character)
            if left < 0:
                return self.starts[position.line] + number
        return self.ends[position.line]

    def position(self, offset: int) -> types.Position:
        line = bisect.bisect_right(self.starts, offset) - 1
        return types.Position(line, self._units(self.text[self.starts[line] : offset]))

    def range(self, span: Span) -> types.Range:
        return types.Range(self.position(span.start), self.position(span.end))

    def _units(self, text: str) -> int:
        return len(text) if text.isascii() else len(text.encode(self.codec, "surrogatepass")) // self.width
