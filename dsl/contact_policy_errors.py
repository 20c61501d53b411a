"""All wording about contact policies in the catalog: a function a message. Codes are stable, wordings may change."""

from __future__ import annotations

from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.source import Source, Span
from dsl.suggestions import closest, hint


def _error(code: str, source: Source, span: Span, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, source, span, hint)


def unknown_purpose(source: Source, span: Span, text: str, known: tuple[str, ...]) -> Diagnostic:
    told = f"{text} is not a purpose that messages have"
    near = closest(text, known)
    fix = Fix(span, near) if near and source.slice(span) == text else None
    return Diagnostic("unknown-purpose", Severity.ERROR, told, source, span, hint(text, known), fix)


def not_a_window(source: Source, span: Span, what: str, text: str) -> Diagnostic:
    told = f"{what} is a number of hours, days, weeks or months up to 100 years, not {text}"
    return _error("wrong-value", source, span, told, "such as 7 days")


def quiet_all_day(source: Source, span: Span) -> Diagnostic:
    told = "quiet hours that end when they begin would last all day"
    return _error("wrong-value", source, span, told, "leave the channel out of rules that must not use it")
