"""One language service for everybody who reads rules: a folder's files in, a ruleset and diagnostics out.

What a file says alone is kept by its text, and what its rules mean by its text and the words that they may use, so
checking again after one edit costs the edited file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from dsl import checker, files, syntax
from dsl.catalog import Catalog
from dsl.catalog_price_lists import unknown_segments
from dsl.checker import CheckedRule
from dsl.diagnostics import Diagnostic
from dsl.files import MOST_KEPT, Messages, RulesFile
from dsl.folder import CATALOG, Files, digest
from dsl.lint import report
from dsl.memory import Memory
from dsl.messages import Message, check_variables
from dsl.moving import moved
from dsl.names import Words
from dsl.rule_tests import CheckedTest, Rules, check_test, known_rules
from dsl.segments import CheckedSegment, Segments, usable
from dsl.source import Source, Span
from dsl.statistics import Statistics
from dsl.typed import Rule, Ruleset
from dsl.typed_tests import RuleTest


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
    """What came of a folder. `ruleset` has everything that was right; None only without a usable catalog.

    `tests` are those that were right, in the order of the files.
    """

    ruleset: Ruleset | None
    diagnostics: tuple[Diagnostic, ...]
    declarations: tuple[Declared, ...] = ()
    tests: tuple[RuleTest, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(one for one in self.diagnostics if one.is_error)


def check(folder: Files) -> Checked:
    """Check a folder: texts by their paths in it ("catalog.yaml", "a.rules", "messages/x.txt").

    Other paths are left alone. Diagnostics are sorted by file and place.
    """
    parsed = files.read_rules(folder)
    messages = files.read_messages(folder)
    read = files.read_folder_catalog(folder)
    problems = [*read.diagnostics, *messages.diagnostics, *(one for file in parsed for one in file.parsed.diagnostics)]
    if read.catalog is None:
        return Checked(None, _sorted(problems))
    known = _known(read.catalog, folder[CATALOG], parsed, messages)
    sources = [file.source for file in parsed for _ in file.parsed.file.segments]
    segments = tuple(one.within(source) for one, source in zip(known.segments, sources, strict=True))
    rules = checker.refuse_taken_names(tuple(rule for file in parsed for rule in _checked_rules(known.words, file)))
    about = known_rules(rules)
    tests = tuple(test for file in parsed for test in _checked_tests(known.words, about, file))
    declared = _declared(rules, segments, tests)
    problems.extend(_unknown_variables(read.catalog, messages))
    problems.extend(unknown_segments(read.catalog, Source(CATALOG, folder[CATALOG]), known.words.segments))
    problems.extend(finding for one in declared for finding in one.diagnostics)
    ruleset = Ruleset(
        read.catalog,
        tuple(one.rule for one in rules if one.rule is not None),
        usable(segments),
        {**messages.good, **_inline(rules)},
        digest(folder),
    )
    good = tuple(one.test for one in tests if one.test is not None)
    return Checked(ruleset, _sorted(problems), declared, good)


def check_rule(folder: Files, path: str, text: str) -> Checked:
    """Check the folder as it would be with one file's text replaced (for an editor)."""
    return check({**folder, path: text})


def lint(ruleset: Ruleset, statistics: Statistics | None = None) -> tuple[Diagnostic, ...]:
    """What the analysis says beyond `check`: of rules that are right but probably not meant, sorted as there."""
    return report.lint(ruleset, statistics)


def forget() -> None:
    """Start afresh, as a new process does."""
    report.forget()
    for memory in _memories():
        memory.forget()


Known = tuple[list[tuple[Hashable, Any, int]], ...]
"""What a process knows of the texts that it checked, in one piece: some of it is known by being the same object."""


def known() -> Known:
    """What was checked in this process, for another one to learn."""
    return tuple(memory.items() for memory in _memories())


def learn(told: Known) -> None:
    """Know what another process knew, which had the same sources of this package."""
    for memory, items in zip(_memories(), told, strict=True):
        for key, made, weight in items:
            memory.put(key, made, weight)


def knows_nothing() -> bool:
    """Whether no rule was checked in this process yet."""
    return not _each_rule.total


def _memories() -> tuple[Memory[Any], ...]:
    return (*files.memories(), _everything_known, _rules, _each_rule, _tests)


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda one: (one.source.path, one.span.start, one.span.end, one.code)))


def _unknown_variables(catalog: Catalog, messages: Messages) -> Iterable[Diagnostic]:
    """A message may be said at any moment, so every property is known to it."""
    properties = {name for moment in catalog.moments.values() for name in moment.properties}
    for message in messages.good.values():
        yield from check_variables(message, catalog, properties)


def _inline(rules: tuple[CheckedRule, ...]) -> dict[str, Message]:
    return {name: message for one in rules if one.rule for name, message in one.messages.items()}


# --- what declarations mean together ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """The checked segments, and the words that every rule may use: one object as long as these do not change."""

    segments: tuple[CheckedSegment, ...]
    words: Words


_everything_known: Memory[_Known] = Memory(MOST_KEPT)
_rules: Memory[tuple[CheckedRule, ...]] = Memory(MOST_KEPT)
_each_rule: Memory[CheckedRule] = Memory(MOST_KEPT)
_tests: Memory[tuple[CheckedTest, ...]] = Memory(MOST_KEPT)


def _known(catalog: Catalog, catalog_text: str, parsed: list[RulesFile], messages: Messages) -> _Known:
    declared = tuple((file.source, node) for file in parsed for node in file.parsed.file.segments)

    def make() -> _Known:
        segments = Segments(catalog, declared)
        checked = segments.check()
        return _Known(checked, Words(catalog, segments.known, messages.good, messages.broken))

    return _everything_known.recall(_key(catalog_text, declared, messages), len(catalog_text), make)


def _key(catalog_text: str, declared: tuple[tuple[Source, syntax.Segment], ...], messages: Messages) -> str:
    """Changes with everything that a rule's meaning or its diagnostics take from other files than its own."""
    sha = hashlib.sha256(catalog_text.encode("utf-8", "surrogateescape"))
    for source, node in declared:
        place = f"{source.path}\0{node.span}\0{source.position(node.span.start)}"
        sha.update(f"{place}\0{source.slice(node.span)}\0".encode("utf-8", "surrogateescape"))
    for name, message in messages.good.items():
        sha.update(f"{name}\0{sorted(message.variables)}\0".encode())
    for name, place in messages.broken.items():
        sha.update(f"{name}\1{place}\0".encode())
    return sha.hexdigest()


def _checked_rules(words: Words, file: RulesFile) -> tuple[CheckedRule, ...]:
    def make() -> tuple[CheckedRule, ...]:
        return tuple(_checked_rule(words, file.source, node) for node in file.parsed.file.rules)

    return _rules.recall((words, file), len(file.source.text), make)


def _checked_rule(words: Words, source: Source, node: syntax.Rule) -> CheckedRule:
    """A rule means the same wherever it stands: one that was checked elsewhere is moved here."""
    text = source.slice(node.span)
    found = _each_rule.recall((words, text), len(text), lambda: checker.check_rule(words, source, node))
    if found.node is node and not found.messages:
        rule_here = replace(found.rule, source=source) if found.rule else None
        return CheckedRule(source, node, rule_here, found.findings)
    by = node.span.start - found.node.span.start
    rule, findings, messages = moved((found.rule, found.findings, found.messages), by, source)
    return CheckedRule(source, node, rule, findings, messages)


def _checked_tests(words: Words, about: Rules, file: RulesFile) -> tuple[CheckedTest, ...]:
    def make() -> tuple[CheckedTest, ...]:
        return tuple(check_test(words, about, file.source, node) for node in file.parsed.file.tests)

    return _tests.recall((words, about, file), len(file.source.text), make)


# --- what was declared ------------------------------------------------------------------------------------------------


def _declared(
    rules: tuple[CheckedRule, ...], segments: tuple[CheckedSegment, ...], tests: tuple[CheckedTest, ...]
) -> tuple[Declared, ...]:
    """Every declaration of the folder, in the order of its files."""
    found = [_of_rule(rule) for rule in rules]
    found.extend(_of_segment(segment) for segment in segments)
    found.extend(_of_test(test) for test in tests)
    return tuple(sorted(found, key=lambda one: (one.source.path, one.span.start)))


def _of_rule(rule: CheckedRule) -> Declared:
    name = rule.rule.name if rule.rule else rule.node.name.text if rule.node.name else ""
    findings = tuple(one.within(rule.source) for one in rule.findings)
    return Declared("rule", name, rule.source, rule.node.span, rule.rule, findings)


def _of_segment(segment: CheckedSegment) -> Declared:
    findings = tuple(one.within(segment.source) for one in segment.findings)
    return Declared("segment", segment.node.name.text, segment.source, segment.node.span, None, findings)


def _of_test(test: CheckedTest) -> Declared:
    findings = tuple(one.within(test.source) for one in test.findings)
    return Declared("test", test.node.title.value, test.source, test.node.span, None, findings)
