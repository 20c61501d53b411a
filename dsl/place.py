"""The place where the parser stopped, as an author sees it: the words before it, the one there, what would fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from dsl.source import Source, Span
from dsl.splitter import Chunk
from dsl.words import spellings

_PIECE = re.compile(
    r"""
    (?P<comment> \#[^\n]* )
    | "(?: [^"\\\n] | \\[^\n] )*"?
    | \$[ \t]*[0-9][0-9.,_]*
    | [0-9]+ (?: [.,_][0-9]+ )*
    | \w+ (?: \.\w+ )*
    | <= | >= | != | \S
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, number, text or sign of the declaration."""

    text: str
    span: Span

    @property
    def word(self) -> str:
        return self.text.lower()

    def touches(self, following: Piece) -> bool:
        return self.span.end == following.span.start


@dataclass(frozen=True)
class Place:
    """Where the parser stopped: the pieces before it, the one there (None at the end), the one behind it.

    `fits` are the terminals that could have come. `stray` means that no terminal at all begins at `offset`.
    """

    source: Source
    chunk: Chunk
    offset: int
    stray: bool
    before: tuple[Piece, ...]
    here: Piece | None
    behind: Piece | None
    fits: frozenset[str]

    @cached_property
    def span(self) -> Span:
        """Of the piece here, or the empty span behind the last word."""
        if self.here:
            return self.here.span
        end = self.before[-1].span.end if self.before else self.chunk.span.end
        return Span(end, end)

    def previous(self, back: int = 1) -> str:
        """A word before this place, in lower case; "" before the first."""
        return self.before[-back].word if len(self.before) >= back else ""

    @property
    def word(self) -> str:
        return self.here.word if self.here else ""

    @property
    def expected(self) -> list[str]:
        kinds = (
            ("PATH", "a condition"),
            ("NAME", "a name"),
            ("WORD", "a value"),
            ("STRING", "text in quotes"),
            ("DATE", "a date"),
            ("NUMBER", "a number"),
        )
        named = [called for terminal, called in kinds if terminal in self.fits]
        return [*named[:2], *spellings(self.fits)][:6]


def locate(source: Source, chunk: Chunk, problem: UnexpectedInput) -> Place:
    interactive = getattr(problem, "interactive_parser", None)
    fits = frozenset(interactive.accepts()) if interactive else frozenset()
    token = getattr(problem, "token", None)
    at_end = token is not None and token.type == "$END"
    offset = chunk.span.end if at_end else chunk.span.start + (problem.pos_in_stream or 0)
    pieces = [
        Piece(match.group(), Span(*match.span()))
        for match in _PIECE.finditer(source.text, chunk.span.start, chunk.span.end)
        if not match.group("comment")
    ]
    passed = sum(piece.span.end <= offset for piece in pieces)
    here, behind = [*pieces[passed : passed + 2], None, None][:2]
    stray = isinstance(problem, UnexpectedCharacters)
    return Place(source, chunk, offset, stray, tuple(pieces[:passed]), here, behind, fits)
