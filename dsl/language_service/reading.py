"""The words of one declaration as the parser reads them, however broken it is.

The grammar itself says which words there are and what may come next, through Lark's interactive parser. Where the text
breaks, reading goes on at the next word that begins a part of a declaration, as if everything before it were right: an
author who has just begun a comparison still gets the offers further down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from lark import Lark
from lark.exceptions import UnexpectedInput
from lark.parsers.lalr_interactive_parser import InteractiveParser

from dsl.builder import currency_or_name
from dsl.parser import MAX_DECLARATION, grammar
from dsl.source import Span
from dsl.splitter import Chunk, split

# How often reading goes on behind a mistake, in one declaration.
_MOST_MENDED = 40

_BEGINNING = re.compile(r"^[ \t]*(rule|segment|test|on)\b", re.IGNORECASE | re.MULTILINE)
_OTHER_BEGINNING = re.compile(r"\n[ \t]*(?:rule|segment|test)\b", re.IGNORECASE)
_ACTIONS = ("offer", "say", "tag", "untag", "call")
_CLAUSES = ("via", "as", "priority", "worth", "from", "until", "at", "budget", "hold", "expires", "goal", "catch")
_PARTS = re.compile(
    r'"(?:[^"\\\n]|\\[^\n])*"?|#[^\n]*|(?P<part>\b(?:'
    + "|".join((*_ACTIONS, *_CLAUSES, "where", "and", "or", "split", "given", "expect", "on"))
    + r")\b|,)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A terminal of the grammar (`type`) as it stands in the file."""

    type: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a declaration in order, and the terminals that fit behind the last. `chunk` is None in between."""

    chunk: Chunk | None
    words: tuple[Word, ...]
    fits: frozenset[str]


def read_until(text: str, offset: int) -> Reading:
    """The declaration that stands before `offset`, up to there. Cost: that of one declaration, whatever the file."""
    low = max(0, offset - MAX_DECLARATION)
    start = _start(text, low, offset)
    chunks = list(split(text[start:offset]))
    if not chunks:
        return Reading(None, (), _fits_first())
    return read_chunk(text, Chunk(Span(start + chunks[-1].span.start, offset), chunks[-1].begins))


def read_around(text: str, offset: int) -> Reading:
    """The whole declaration in which `offset` stands."""
    start = _start(text, max(0, offset - MAX_DECLARATION), offset)
    following = _OTHER_BEGINNING.search(text, offset, offset + MAX_DECLARATION)
    for chunk in split(text[start : following.start() if following else offset + MAX_DECLARATION]):
        span = Span(start + chunk.span.start, start + chunk.span.end)
        if span.start <= offset <= span.end:
            return read_chunk(text, Chunk(span, chunk.begins))
    return Reading(None, (), frozenset())


def read_chunk(text: str, chunk: Chunk) -> Reading:
    """The words of a declaration from its first to its last."""
    words: list[Word] = []
    prefix, at, fits = "", chunk.span.start, frozenset[str]()
    for _ in range(_MOST_MENDED):
        broken, fits = _read(text, prefix, Span(at, chunk.span.end), words)
        if broken is None:
            break
        following = _next_part(text, broken if broken > at else at + 1, chunk.span.end)
        if following is None:
            break
        prefix, at = _as_if_right(following[1], chunk.begins, words), following[0]
    return Reading(chunk, tuple(words), fits)


def _start(text: str, low: int, offset: int) -> int:
    """Where the declaration around `offset` starts at the earliest: an `on` may belong to the header above it."""
    found = list(_BEGINNING.finditer(text, low, offset))
    for at in range(len(found) - 1, -1, -1):
        beginning = found[at].group(1).lower()
        if beginning != "on" or (at > 0 and found[at - 1].group(1).lower() in ("on", "segment")):
            return found[at].start()
    return found[0].start() if found else low


@cache
def _machine() -> Lark:
    """The grammar without a builder: half a rule has no tree."""
    return Lark(
        grammar(),
        parser="lalr",
        lexer="contextual",
        lexer_callbacks={"CURRENCY": currency_or_name},
        propagate_positions=False,
    )


@cache
def _fits_first() -> frozenset[str]:
    return _accepted(_machine().parse_interactive(""))


def _accepted(interactive: InteractiveParser) -> frozenset[str]:
    accepted: set[str] = interactive.accepts()  # type: ignore[no-untyped-call]
    return frozenset(accepted)


def warm_up() -> None:
    """Prepare the grammar, so that the first question costs no more than the others."""
    _fits_first()


def _read(text: str, prefix: str, span: Span, words: list[Word]) -> tuple[int | None, frozenset[str]]:
    """Add the words of `span`; where it broke, or None, and what fits behind the last good word."""
    interactive = _machine().parse_interactive(prefix + text[span.start : span.end])
    shift = span.start - len(prefix)
    broken = None
    try:
        for token in interactive.iter_parse():
            start, end = token.start_pos or 0, token.end_pos or 0
            if start >= len(prefix):
                words.append(Word(token.type, str(token), Span(start + shift, end + shift)))
    except UnexpectedInput as problem:
        broken = max(span.start, (problem.pos_in_stream or 0) + shift)
        while words and words[-1].span.end > broken:
            words.pop()
    return broken, _accepted(interactive)


def _next_part(text: str, low: int, high: int) -> tuple[int, str] | None:
    for match in _PARTS.finditer(text, low, high):
        if match.group("part"):
            return match.start(), match.group("part").lower()
    return None


def _as_if_right(word: str, begins: str, words: list[Word]) -> str:
    """The shortest right beginning behind which `word` may stand where it does."""
    seen = {one.type for one in words}
    if begins == "test":
        if word in ("given", "on", "expect"):
            return {"given": 'test "t" ', "on": 'test "t" given f ', "expect": 'test "t" given f on m '}[word]
        expectation = 'test "t" given f on m expect '
        if "_EXPECT" in seen:
            return expectation + ("nothing " if word in (",", "and") else "")
        return 'test "t" given f '
    if word in ("and", "or", ","):
        head = "segment s: " if begins == "segment" else "on m where "
        depth = sum(one.type == "LPAR" for one in words) - sum(one.type == "RPAR" for one in words)
        in_moments = begins != "segment" and "_WHERE" not in seen
        return "on m " if in_moments else head + "(" * max(0, depth) + "c "
    if word == "on" and "ON" not in seen:
        return "rule r "
    return "on m " if word in (*_ACTIONS, "where") else "on m offer p "
