"""The files of a ruleset, and what each says alone: its tree, the catalog, a message. Kept by path and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dsl import check_errors, parser
from dsl.catalog import Catalog
from dsl.catalog_reader import read_catalog
from dsl.diagnostics import Diagnostic
from dsl.folder import CATALOG, MESSAGES, RULES, Files
from dsl.memory import Memory
from dsl.messages import Message, read_message
from dsl.parser import Parsed, parse
from dsl.source import Source, Span

# Characters of text whose results are kept: some ten thousand rules, or as many versions of one file under edit.
MOST_KEPT = 4_000_000

_rules: Memory[RulesFile] = Memory(MOST_KEPT)
_catalogs: Memory[CatalogFile] = Memory(MOST_KEPT)
_messages: Memory[MessageFile] = Memory(MOST_KEPT)


@dataclass(frozen=True, slots=True, eq=False)
class RulesFile:
    """One object a text: equal is the same."""

    source: Source
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class CatalogFile:
    catalog: Catalog | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class MessageFile:
    source: Source
    message: Message | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """A folder's messages by name, the places of the errors of those that are broken, and every diagnostic."""

    good: Mapping[str, Message]
    broken: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]


def read_rules(files: Files) -> list[RulesFile]:
    """Every file of rules, parsed, in the order of their paths."""
    return [_rules_file(path, files[path]) for path in sorted(files) if path.endswith(RULES)]


def _rules_file(path: str, text: str) -> RulesFile:
    def make() -> RulesFile:
        source = Source(path, text)
        return RulesFile(source, parse(source))

    return _rules.recall((path, text), len(text), make)


def read_folder_catalog(files: Files) -> CatalogFile:
    text = files.get(CATALOG)
    if text is None:
        return CatalogFile(None, (check_errors.no_catalog(Span(0, 0)).within(Source(CATALOG, "")),))
    return _catalogs.recall(text, len(text), lambda: CatalogFile(*read_catalog(Source(CATALOG, text))))


def read_messages(files: Files) -> Messages:
    """Every message of the folder; of two with one name the later is broken."""
    good: dict[str, Message] = {}
    broken: dict[str, str] = {}
    found: list[Diagnostic] = []
    paths: dict[str, str] = {}
    for path in sorted(path for path in files if path.startswith(MESSAGES)):
        file = _message_file(path, files[path])
        name = PurePosixPath(path).stem.lower()
        if name in paths:
            found.append(check_errors.message_twice(Span(0, 0), name, paths[name]).within(file.source))
            continue
        paths[name] = path
        found.extend(file.diagnostics)
        if file.message is not None:
            good[name] = file.message
        else:
            line = file.source.position(file.diagnostics[0].span.start).line
            broken[name] = f"{path}, line {line}"
    return Messages(good, broken, tuple(found))


def _message_file(path: str, text: str) -> MessageFile:
    def make() -> MessageFile:
        source = Source(path, text)
        return MessageFile(source, *read_message(source))

    return _messages.recall((path, text), len(text), make)


def memories() -> tuple[Memory[Any], ...]:
    """Where what texts say alone is kept, their declarations too."""
    return (parser.trees, _rules, _catalogs, _messages)
