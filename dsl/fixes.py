"""Applying the fixes that diagnostics carry: those that do not touch each other, the first of two that do."""

from __future__ import annotations

from collections.abc import Iterable

from dsl.diagnostics import Diagnostic, Fix


def fixable(diagnostics: Iterable[Diagnostic], path: str) -> list[Diagnostic]:
    """The diagnostics of one file whose fixes can be applied together, in the order of the text."""
    found: list[Diagnostic] = []
    candidates = [(each.fix, each) for each in diagnostics if each.fix and each.source.path == path]
    for fix, each in sorted(candidates, key=lambda pair: (pair[0].span.start, pair[0].span.end)):
        before = found[-1].fix if found else None
        if before is None or (fix.span.start >= before.span.end and fix.span != before.span):
            found.append(each)
    return found


def apply(text: str, fixes: Iterable[Fix]) -> str:
    """The text after edits that do not overlap, whatever order they come in."""
    for fix in sorted(fixes, key=lambda fix: (fix.span.start, fix.span.end), reverse=True):
        text = text[: fix.span.start] + fix.text + text[fix.span.end :]
    return text
