"""Cuts a file into declarations before anything is parsed, so that a broken one never hides its neighbours.

A declaration starts at a line that begins with `rule`, `segment` or `test`, and at a line that begins with `on`, unless
that line belongs to a `rule` header or a `test ... given` before it. A header is open until a word that cannot stand in
it. Two things are cut out besides, because they would otherwise break the declaration above them: a line at the margin
that can only be a misspelt beginning (`segmnt loyal: ...`), and what a merge left behind.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsl.source import Span
from dsl.suggestions import closest

BEGINNINGS = ("rule", "segment", "test", "on")

_FIRST_WORD = re.compile(r"[\s\ufeff]*([A-Za-z]+)\b")
_CONTENT = re.compile(r"[\s\ufeff]*([^\s\ufeff#])")
_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"?|#.*|(\w+)')
_MARKER = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?=\s|$)")
_LONGEST_BEGINNING = 300
_AFTER_HEADER = frozenset(["on", "where", "offer", "say", "tag", "untag", "call", "split", "via", "expect"])
_MISSPELT = (
    ("segment", re.compile(r"[a-z]{5,9}\s+\w+\s*:", re.IGNORECASE)),
    ("rule", re.compile(r'[a-z]{3,5}\s+\w+(?:\s+was\s+\w+)?\s*(?:"[^"]*"\s*)?(?:on\b.*)?$', re.IGNORECASE)),
    ("test", re.compile(r'[a-z]{3,5}\s+"', re.IGNORECASE)),
    ("on", re.compile(r"(?:when|whenever|upon)\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One declaration's text, from its first letter to the end of its last line that is not blank or a comment.

    `begins` is one of BEGINNINGS, or "" for text that begins no declaration; `conflict` is the first line that a merge
    left in it.
    """

    span: Span
    begins: str
    conflict: Span | None = None


@dataclass(slots=True)
class _Open:
    """The declaration being collected."""

    start: int
    end: int
    begins: str
    conflict: Span | None = None
    takes_on: bool = False  # a line that begins with `on` belongs to it

    def add(self, line: str, at: int) -> None:
        self.end = at + len(line.rstrip())
        if self.begins not in ("rule", "test"):
            return
        for match in _WORDS.finditer(line, max(0, self.start - at)):
            word = (match.group(1) or "").lower()
            if self.begins == "test" and word == "given":
                self.takes_on = True
            elif word in _AFTER_HEADER:
                self.takes_on = False

    def close(self) -> Chunk:
        return Chunk(Span(self.start, self.end), self.begins, self.conflict)


def misspelt_beginning(line: str) -> str | None:
    """The beginning that a line at the margin must have meant, if it can be nothing else."""
    if len(line) > _LONGEST_BEGINNING:
        return None
    for word, shape in _MISSPELT:
        if shape.match(line) and (word == "on" or closest(line.split(None, 1)[0], [word])):
            return word
    return None


def split(text: str) -> Iterator[Chunk]:
    """The declarations of a file in order; blank lines and comments between them belong to none."""
    lines = _lines(text)
    closing = [number for number, (_, line) in enumerate(lines) if line.startswith(">>>>>>>")]
    current: _Open | None = None
    conflict_until = -1
    for number, (at, line) in enumerate(lines):
        content = _CONTENT.match(line)
        if content is None:
            continue
        marker = _MARKER.match(line)
        if marker and number > conflict_until:
            opening = line.startswith("<<<<<<<")
            conflict_until = _end_of_conflict(number, closing) if opening else number
            apart = current is None or (opening and _starts(_next_content(lines, number), current) is not None)
            begins: str | None = "" if apart else None
        elif number <= conflict_until:
            begins = None
        else:
            begins = _starts(line, current)
            begins = "" if begins is None and current is None else begins
        if begins is not None:
            if current:
                yield current.close()
            start = at + content.start(1)
            current = _Open(start, start, begins, takes_on=begins == "rule")
        assert current is not None
        current.add(line, at)
        if marker and current.conflict is None:
            current.conflict = Span(at, at + len(line.rstrip()))
    if current:
        yield current.close()


def _lines(text: str) -> list[tuple[int, str]]:
    """Each line with the offset at which it starts."""
    lines, at = [], 0
    for line in text.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    return lines


def _starts(line: str, current: _Open | None) -> str | None:
    """Which beginning starts a declaration at this line: one of BEGINNINGS, "" for a misspelt one, None for none."""
    match = _FIRST_WORD.match(line)
    word = match.group(1).lower() if match else ""
    if word in BEGINNINGS:
        return None if word == "on" and current and current.takes_on else word
    return "" if misspelt_beginning(line) else None


def _end_of_conflict(number: int, closing: list[int]) -> int:
    """The line that ends the conflict which begins at `number`; that line itself if none does."""
    at = bisect.bisect_right(closing, number)
    return closing[at] if at < len(closing) else number


def _next_content(lines: list[tuple[int, str]], number: int) -> str:
    """The first line after `number` that says something, leaving out what else a merge wrote."""
    following = (line for _, line in lines[number + 1 : number + 20])
    return next((line for line in following if _CONTENT.match(line) and not _MARKER.match(line)), "")
