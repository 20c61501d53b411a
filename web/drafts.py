"""A file as it is being edited, checked among the others as they are saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dsl import service
from dsl.diagnostics import Diagnostic
from dsl.typed import Rule, Ruleset
from dsl.typed_tests import RuleTest
from engine.rulebook import Loaded


@dataclass(frozen=True, slots=True)
class Draft:
    """`causes` are the errors that saving this text would bring: those in it, and new ones in other files.

    `diagnostics` are everything found in this text, then those new ones; what was wrong elsewhere before is not here.
    `tests` are the good ones of every file.
    """

    path: str
    text: str
    ruleset: Ruleset | None
    diagnostics: tuple[Diagnostic, ...]
    causes: tuple[Diagnostic, ...]
    tests: tuple[RuleTest, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The good rules of this file, in its order."""
        return rules_of(self.ruleset, self.path)


def draft(loaded: Loaded, path: str, text: str) -> Draft:
    """Check `text` as if it were saved at `path`."""
    if loaded.files.get(path) == text:
        return Draft(path, text, loaded.ruleset, _in(path, loaded.diagnostics), _in(path, loaded.errors), loaded.tests)
    checked = service.check({**loaded.files, path: text})
    known = {_identity(each) for each in loaded.errors}
    errors = [each for each in checked.diagnostics if each.is_error]
    causes = tuple(each for each in errors if each.source.path == path or _identity(each) not in known)
    elsewhere = tuple(each for each in causes if each.source.path != path)
    return Draft(path, text, checked.ruleset, _in(path, checked.diagnostics) + elsewhere, causes, checked.tests)


def rules_of(ruleset: Ruleset | None, path: str) -> tuple[Rule, ...]:
    found = (rule for rule in ruleset.rules if rule.source.path == path) if ruleset else ()
    return tuple(sorted(found, key=lambda rule: rule.span.start))


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic as a page shows it: `before`, `marked` and `after` are its line, cut around the caret."""

    diagnostic: Diagnostic
    line: int
    column: int
    before: str
    marked: str
    after: str

    def to_json(self) -> dict[str, Any]:
        return self.diagnostic.to_json() | {"text": self.before + self.marked + self.after}


def finding(diagnostic: Diagnostic) -> Finding:
    at = diagnostic.source.position(diagnostic.span.start)
    line = diagnostic.source.line(at.line)
    start = at.column - 1
    end = max(start + 1, min(len(line), start + diagnostic.span.end - diagnostic.span.start))
    return Finding(diagnostic, at.line, at.column, line[:start], line[start:end] or " ", line[end:])


def _in(path: str, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(each for each in diagnostics if each.source.path == path)


def _identity(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.source.path, diagnostic.code, diagnostic.message
