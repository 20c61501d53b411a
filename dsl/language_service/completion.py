"""What may come at a place of a text: `complete(files, path, offset)`.

The grammar says which terminals fit, the roles say what a name would stand for there, and the types say which
comparators and values make sense. A word that is half there is replaced by what is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsl.folder import CATALOG, MESSAGES, RULES, Files
from dsl.language_service.keywords import documentation
from dsl.language_service.places import Place
from dsl.language_service.reading import read_until
from dsl.language_service.texts import catalog_keys, in_quotes, variables
from dsl.language_service.vocabulary import Completion, Entry
from dsl.source import Span
from dsl.splitter import BEGINNINGS

_HALF_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]*\Z")
_HALF_KEYWORD = re.compile(r"\b[A-Za-z]+[ \t]+[A-Za-z]*\Z")
_TEXT_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|#.*|"')
_LONGEST_WORD = 200
_LOOKED_AHEAD = 4000
_SCANNED = ("tag", "arm")
_INSERTED = {"in": "in (", "not in": "not in ("}


def complete(files: Files, path: str, offset: int) -> tuple[Completion, ...]:
    """What may come at `offset` (in characters) of a file, the likeliest first; nothing in a comment."""
    text = files.get(path, "")
    offset = max(0, min(offset, len(text)))
    line_start = text.rfind("\n", 0, offset) + 1
    if path == CATALOG:
        return catalog_keys(text[line_start:offset], offset)
    if path.startswith(MESSAGES):
        return variables(files, text, 0, offset)
    if not path.endswith(RULES):
        return ()
    for match in _TEXT_OR_COMMENT.finditer(text, line_start, offset):
        if match.group().startswith("#"):
            return ()
        if match.group() == '"':
            return in_quotes(_place(files, text, match.start()), files, text, match.start(), offset)
    found: dict[str, Completion] = {}
    for one in _of_rules(files, text, offset):
        found.setdefault(one.label, one)
    return tuple(found.values())


def _of_rules(files: Files, text: str, offset: int) -> Iterator[Completion]:
    """Half a keyword of two words (`count o`) is half of that, besides what comes behind its first word."""
    half = _half(text, offset, _HALF_KEYWORD)
    if half is not None:
        there = " ".join(text[half:offset].lower().split()) + " " * text[half:offset].endswith((" ", "\t"))
        two_words = (entry for entry in _entries(files, text, half) if " " in entry.label)
        yield from _completions(two_words, there, "", Span(half, offset))
    start = _half(text, offset, _HALF_WORD)
    start = offset if start is None else start
    joined = start == offset and start > 0 and (text[start - 1].isalnum() or text[start - 1] in '"%)')
    yield from _completions(
        _entries(files, text, start, prefixed="." in text[start:offset]),
        text[start:offset].lower(),
        " " if joined else "",
        Span(start, offset),
    )


def _half(text: str, offset: int, shape: re.Pattern[str]) -> int | None:
    """Where the half word before `offset` starts, if there is one."""
    low = max(text.rfind("\n", 0, offset) + 1, offset - _LONGEST_WORD)
    match = shape.search(text[low:offset])
    if match is None or (match.start() and text[low + match.start() - 1].isalnum()):
        return None
    return low + match.start()


def _completions(entries: Iterable[Entry], there: str, space: str, span: Span) -> Iterator[Completion]:
    """Those that begin with what is there already, or of which a part does (`number` for `phone_number`)."""
    for entry in entries:
        label = entry.label.lower()
        if entry.kind in _SCANNED and label == there:
            continue  # found where it is being typed
        if label.startswith(there) or f"_{there}" in label:
            insert = space + _INSERTED.get(entry.label, entry.label)
            told = entry.documentation or documentation(entry.label)
            yield Completion(entry.label, entry.kind, entry.detail, insert, told, span)


def _entries(files: Files, text: str, start: int, *, prefixed: bool = False) -> Iterator[Entry]:
    """A new declaration at the start of a line, and first of all where a blank line stands before it."""
    place = _place(files, text, start, prefixed=prefixed)
    line_start = text.rfind("\n", 0, start) + 1
    beginnings = [Entry(word, "keyword") for word in BEGINNINGS] if not text[line_start:start].strip() else []
    if not place.words or text[max(0, start - 2) : start] == "\n\n":
        yield from beginnings
    if place.words:
        yield from place.entries()
        yield from beginnings


def _place(files: Files, text: str, at: int, *, prefixed: bool = False) -> Place:
    return Place(files, read_until(text, at), text[at : at + _LOOKED_AHEAD], prefixed=prefixed)
