"""One language service for everybody who reads rules: a folder's files in, a ruleset and diagnostics out.

What a file says alone (its tree, the catalog, a message) is kept by its text, and what its rules mean by its text and
the words that it could use, so checking again after one edit costs the edited file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from dsl import check_errors, checker, syntax
from dsl.catalog import Catalog, MomentKind
from dsl.catalog_reader import read_catalog
from dsl.checker import CheckedRule
from dsl.diagnostics import Diagnostic
from dsl.messages import Message, check_variables, read_message
from dsl.names import Words
from dsl.parser import Parsed, parse
from dsl.segments import CheckedSegment, Segments, usable
from dsl.source import Source, Span
from dsl.typed import Rule, Ruleset

CATALOG = "catalog.yaml"
MESSAGES = "messages/"
RULES = ".rules"
MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration that could be read: a `rule`, `segment` or `test`. `rule` is None where a rule is broken.

    `name` is "" for a broken rule without one; a test's is its title.
    """

    kind: str
    name: str
    source: Source
    span: Span
    rule: Rule | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_broken(self) -> bool:
        return any(one.is_error for one in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a folder. `ruleset` has everything that was right; None only without a usable catalog."""

    ruleset: Ruleset | None
    diagnostics: tuple[Diagnostic, ...]
    declarations: tuple[Declared, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(one for one in self.diagnostics if one.is_error)


def check(files: Mapping[str, str]) -> Checked:
    """Check a folder: `files` are the texts by their paths in it ("catalog.yaml", "a.rules", "messages/x.txt").

    Other paths are left alone. Diagnostics are sorted by file and place.
    """
    sources = {path: _source(path, text) for path, text in files.items() if _belongs(path)}
    parsed = [_parsed(source) for path, source in sorted(sources.items()) if path.endswith(RULES)]
    catalog, problems = _catalog(sources.get(CATALOG))
    problems = [*problems, *(one for file in parsed for one in file.parsed.diagnostics)]
    messages = _Messages.read(source for path, source in sorted(sources.items()) if path.startswith(MESSAGES))
    problems.extend(messages.diagnostics)
    if catalog is None:
        return Checked(None, _sorted(problems))
    segments, words = _words(catalog, files[CATALOG], _segments(parsed), messages)
    declared = _declared(parsed, segments, words)
    properties = {
        name for moment in catalog.moments.values() if moment.kind is not MomentKind.DATED for name in moment.properties
    }
    for message in messages.good.values():
        problems.extend(check_variables(message, catalog, properties))
    problems.extend(finding for one in declared.all for finding in one.diagnostics)
    ruleset = Ruleset(
        catalog,
        tuple(one.rule for one in declared.all if one.rule is not None),
        usable(segments),
        {**messages.good, **declared.inline},
        digest(files),
    )
    return Checked(ruleset, _sorted(problems), declared.all)


def check_rule(files: Mapping[str, str], path: str, text: str) -> Checked:
    """Check the folder as it would be with one file's text replaced (for an editor)."""
    return check({**files, path: text})


def digest(files: Mapping[str, str]) -> str:
    """SHA-256 (hex) of the paths and texts that make the ruleset, whatever order they come in."""
    sha = hashlib.sha256()
    for path in sorted(path for path in files if _belongs(path)):
        for part in (path, files[path]):
            encoded = part.encode("utf-8", "surrogateescape")
            sha.update(len(encoded).to_bytes(8, "big") + encoded)
    return sha.hexdigest()


def _belongs(path: str) -> bool:
    return path == CATALOG or path.endswith(RULES) or path.startswith(MESSAGES)


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda one: (one.source.path, one.span.start, one.span.end, one.code)))


# --- what a file says alone -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A parsed file. One text is parsed once, so files are the same or different as objects."""

    source: Source
    parsed: Parsed


_source = lru_cache(maxsize=2048)(Source)


@lru_cache(maxsize=2048)
def _parsed(source: Source) -> _File:
    return _File(source, parse(source))


_read_catalog = lru_cache(maxsize=32)(read_catalog)
_read_message = lru_cache(maxsize=2048)(read_message)


def _catalog(source: Source | None) -> tuple[Catalog | None, list[Diagnostic]]:
    if source is None:
        return None, [check_errors.no_catalog(Span(0, 0)).within(Source(CATALOG, ""))]
    catalog, problems = _read_catalog(source)
    return catalog, list(problems)


@dataclass(frozen=True, slots=True)
class _Messages:
    """The folder's messages by name, the places of those that are broken, and why. Equal for equal texts."""

    good: Mapping[str, Message]
    broken: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def read(cls, sources: Iterable[Source]) -> _Messages:
        good: dict[str, Message] = {}
        broken: dict[str, str] = {}
        found: list[Diagnostic] = []
        paths: dict[str, str] = {}
        for source in sources:
            name = PurePosixPath(source.path).stem.lower()
            if name in paths:
                found.append(check_errors.message_twice(Span(0, 0), name, paths[name]).within(source))
                continue
            paths[name] = source.path
            message, problems = _read_message(source)
            found.extend(problems)
            if message is None:
                line = source.position(problems[0].span.start).line
                broken[name] = f"{source.path}, line {line}"
            else:
                good[name] = message
        return cls(good, broken, tuple(found))


# --- what declarations mean together ----------------------------------------------------------------------------------

_Declarations = tuple[tuple[Source, syntax.Segment], ...]


def _segments(parsed: Iterable[_File]) -> _Declarations:
    return tuple((file.source, node) for file in parsed for node in file.parsed.file.segments)


_RECENT: dict[str, tuple[tuple[CheckedSegment, ...], Words]] = {}
_MOST_RECENT = 32


def _words(
    catalog: Catalog, catalog_text: str, declared: _Declarations, messages: _Messages
) -> tuple[tuple[CheckedSegment, ...], Words]:
    """The checked segments and the words that every rule may use: the same object for the same texts."""
    key = _key(catalog_text, declared, messages)
    if key not in _RECENT:
        segments = Segments(catalog, declared)
        checked = segments.check()
        while len(_RECENT) >= _MOST_RECENT:
            _RECENT.pop(next(iter(_RECENT)))
        _RECENT[key] = checked, Words(catalog, segments.known, messages.good, messages.broken)
    return _RECENT[key]


def _key(catalog_text: str, declared: _Declarations, messages: _Messages) -> str:
    """Changes with everything that a rule's meaning or its diagnostics may take from other files."""
    sha = hashlib.sha256(catalog_text.encode("utf-8", "surrogateescape"))
    for source, node in declared:
        sha.update(f"{source.path}\0{node.span}\0{source.slice(node.span)}\0".encode("utf-8", "surrogateescape"))
    for name in messages.good:
        sha.update(f"{name}\0".encode())
    for name, place in messages.broken.items():
        sha.update(f"{name}\1{place}\0".encode())
    return sha.hexdigest()


@lru_cache(maxsize=2048)
def _checked_rules(words: Words, file: _File) -> tuple[CheckedRule, ...]:
    return tuple(checker.check_rule(words, file.source, node) for node in file.parsed.file.rules)


@dataclass(frozen=True, slots=True)
class _AllDeclared:
    all: tuple[Declared, ...]
    inline: Mapping[str, Message]


def _declared(parsed: list[_File], segments: tuple[CheckedSegment, ...], words: Words) -> _AllDeclared:
    """Every declaration of the folder, in the order of its files."""
    rules = checker.refuse_taken_names(tuple(rule for file in parsed for rule in _checked_rules(words, file)))
    found = [_of_rule(rule) for rule in rules]
    found.extend(_of_segment(words, segment) for segment in segments)
    found.extend(_of_test(words, file.source, node) for file in parsed for node in file.parsed.file.tests)
    found.sort(key=lambda one: (one.source.path, one.span.start))
    inline = {name: message for rule in rules if rule.rule for name, message in rule.messages.items()}
    return _AllDeclared(tuple(found), inline)


def _of_rule(rule: CheckedRule) -> Declared:
    name = rule.rule.name if rule.rule else rule.node.name.text if rule.node.name else ""
    findings = tuple(one.within(rule.source) for one in rule.findings)
    return Declared("rule", name, rule.source, rule.node.span, rule.rule, findings)


def _of_segment(words: Words, segment: CheckedSegment) -> Declared:
    findings = tuple(one.within(segment.source) for one in checker.check_segment_use(words, segment))
    return Declared("segment", segment.node.name.text, segment.source, segment.node.span, None, findings)


def _of_test(words: Words, source: Source, node: syntax.Test) -> Declared:
    findings = (checker.check_test(words, node).within(source),)
    return Declared("test", node.title.value, source, node.span, None, findings)
