"""YAML as a tree of texts with places.

YAML 1.1 guesses what a bare word is: `NO` becomes false, `0123` becomes 83, `20:00` becomes 1200. Here nobody guesses:
every scalar stays the text that its author typed, and the reader of a key, which knows whether it wants a flag, a
number or a name, reads it or refuses it. What makes a file mean something else than it shows (aliases, merge keys,
tags, a key given twice, a second document) is refused. Limits: a million characters, 20 levels, 100,000 values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from dsl import catalog_errors as errors
from dsl.diagnostics import Diagnostic
from dsl.source import Source, Span

MOST_CHARACTERS = 1_000_000
MOST_LEVELS = 20
MOST_VALUES = 100_000

# What YAML calls printable, less the lone surrogates that stand for bytes which are no UTF-8.
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as typed, quotes and escapes undone. `quoted` says whether it stood in quotes (or in a block)."""

    text: str
    quoted: bool
    span: Span

    @property
    def is_empty(self) -> bool:
        return not self.quoted and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping in the author's order; no key twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.entries if key.text == name), None)


Node = Scalar | Listing | Table


class _Refused(Exception):
    """Carries the one diagnostic that stops the reading of a file."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read_yaml(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The one document of a file, or None with the reason. An empty file is an empty table."""
    try:
        _refuse_unreadable(source)
        builder = _Builder(source)
        return builder.document(), tuple(builder.diagnostics)
    except _Refused as refused:
        return None, (refused.diagnostic,)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        at = min(mark.index if mark else 0, len(source.text))
        return None, (errors.not_yaml(source, _letter(source, at), problem.problem or "", source.text[at : at + 1]),)
    except (yaml.YAMLError, ValueError, OverflowError) as problem:  # the last two: an escape beyond Unicode
        return None, (errors.not_yaml(source, _letter(source, 0), str(problem), ""),)


def _letter(source: Source, at: int) -> Span:
    """One character, or the place after the last one."""
    return Span(at, min(at + 1, len(source.text)))


def _refuse_unreadable(source: Source) -> None:
    if len(source.text) > MOST_CHARACTERS:
        raise _Refused(errors.too_long(source, MOST_CHARACTERS))
    if found := _UNREADABLE.search(source.text):
        raise _Refused(errors.unreadable(source, Span(found.start(), found.end()), found.group()))


class _Builder:
    """Nodes from PyYAML's events, which come without any guess about types and before any alias is followed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self.events: Iterator[yaml.Event] = iter(yaml.parse(source.text, Loader=yaml.SafeLoader))
        self.values = 0

    def document(self) -> Node:
        next(self.events)  # the stream begins
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return Table((), Span(0, 0))
        root = self.node(next(self.events), 1)
        next(self.events)  # the document ends
        following = next(self.events)
        if isinstance(following, yaml.DocumentStartEvent):
            raise _Refused(errors.second_document(self.source, _span(following)))
        return root

    def node(self, event: yaml.Event, level: int) -> Node:
        self.refuse(event, level)
        if isinstance(event, yaml.ScalarEvent):
            if found := _UNREADABLE.search(event.value):  # through an escape
                raise _Refused(errors.unreadable(self.source, _span(event), found.group()))
            return Scalar(event.value, event.style is not None, _span(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.listing(event, level)
        return self.table(event, level)

    def refuse(self, event: yaml.Event, level: int) -> None:
        self.values += 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused(errors.alias(self.source, _span(event)))
        if level > MOST_LEVELS:
            raise _Refused(errors.too_deep(self.source, _span(event), MOST_LEVELS))
        if self.values > MOST_VALUES:
            raise _Refused(errors.too_many_values(self.source, _span(event), MOST_VALUES))
        if (tag := getattr(event, "tag", None)) is not None:
            raise _Refused(errors.explicit_tag(self.source, _span(event), tag))

    def listing(self, start: yaml.Event, level: int) -> Listing:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, level + 1))
        return Listing(tuple(items), _span(start).to(_span(event)))

    def table(self, start: yaml.Event, level: int) -> Table:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, level + 1)
            value = self.node(next(self.events), level + 1)
            if not isinstance(key, Scalar):
                self.diagnostics.append(errors.key_not_a_word(self.source, key.span))
            elif key.text == "<<" and not key.quoted:
                self.diagnostics.append(errors.merge_key(self.source, key.span))
            elif key.text in entries:
                first = self.source.position(entries[key.text][0].span.start)
                self.diagnostics.append(errors.duplicate_key(self.source, key.span, key.text, first))
            else:
                entries[key.text] = (key, value)
        return Table(tuple(entries.values()), _span(start).to(_span(event)))


def _span(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.index if start else 0, end.index if end else 0)
