"""All wording of the checking of tests: a function a message."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dsl.check_errors import Finding
from dsl.diagnostics import Fix, Severity
from dsl.source import Span
from dsl.suggestions import closest, hint, listed


def unknown_rule(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-rule", span, word, f"there is no rule {word}", known)


def unknown_arm(span: Span, word: str, known: Collection[str]) -> Finding:
    return _unknown("unknown-arm", span, word, f"no experiment has an arm {word}", known)


def _unknown(code: str, span: Span, word: str, message: str, known: Collection[str]) -> Finding:
    near = closest(word, known)
    return Finding(code, Severity.ERROR, message, span, hint(word, known), Fix(span, near) if near else None)


def given_twice(span: Span, word: str) -> Finding:
    return Finding("given-twice", Severity.ERROR, f"{word} is given twice", span, "keep one of the two")


def not_a_flag(span: Span, word: str, kind: str) -> Finding:
    """A word that stands alone, or behind `not`, and has no two values."""
    return Finding("not-a-flag", Severity.ERROR, f"{word} is {kind}, not a flag", span, f"say {word} = ...")


def not_a_set(span: Span, word: str, kind: str) -> Finding:
    return Finding("not-a-set", Severity.ERROR, f"{word} is {kind}, not a set: it has one value", span)


def too_many_events(span: Span, most: int) -> Finding:
    return Finding("too-many-events", Severity.ERROR, f"a test is given at most {most:,} events of a kind", span)


def parts_of_a_cent(span: Span, word: str, currency: str) -> Finding:
    message = f"{word} is a whole number of the smallest coins of {currency}"
    return Finding("too-many-decimals", Severity.ERROR, message, span)


def not_a_value(span: Span, word: str) -> Finding:
    message = f"{word} is given as one value, not computed from others"
    return Finding("given-value", Severity.ERROR, message, span)


def far_day(span: Span, first: int, last: int) -> Finding:
    message = f"a test is of a day between {first} and {last}"
    return Finding("test-day", Severity.ERROR, message, span, "say at 2026-03-15, for example")


def nobody_listens(span: Span, moment: str, uses: Sequence[str]) -> Finding:
    """The test meets a moment at another distance than every rule does."""
    message = f"no rule listens to {moment} itself, so nothing can come of this test"
    if uses:
        message = f"no rule listens to {moment} at this distance, so nothing can come of this test"
    hint = f"say on {listed(uses, 'or')}" if uses else None
    return Finding("test-moment", Severity.WARNING, message, span, hint)
