"""All wording about messages: a function a message."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.source import Source, Span
from dsl.suggestions import closest, hint


def _error(code: str, source: Source, span: Span, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, source, span, hint)


def _near(source: Source, span: Span, word: str, known: Collection[str]) -> Fix | None:
    """The fix of an unknown word that is blamed by itself: the one known word that is near."""
    near = closest(word, known)
    return Fix(span, near) if near and source.slice(span) == word else None


def unclosed_front_matter(source: Source) -> Diagnostic:
    told = "the front matter is not closed"
    return _error("front-matter", source, Span(0, 3), told, "put --- on a line of its own after the subject")


def empty_variant(source: Source, span: Span, key: str) -> Diagnostic:
    return _error("empty-variant", source, span, f"the variant {key} says nothing", "give it a subject, a body or both")


def unknown_variant(source: Source, span: Span, word: str, channels: Collection[str]) -> Diagnostic:
    told = f"{word} is neither a channel nor a language"
    start = source.text.lower().find(word, span.start, span.end)
    place = Span(start, start + len(word)) if start >= 0 else span
    return _error("unknown-variant", source, place, told, f"a language such as de, or a channel: {', '.join(channels)}")


def bad_template(source: Source, span: Span, problem: str) -> Diagnostic:
    told = f"the template cannot be read: {problem}"
    return _error("template-syntax", source, span, told, "a variable is written {{ first_name }}")


def unknown_tag(source: Source, span: Span, tag: str, known: Collection[str]) -> Diagnostic:
    told = f"templates have no tag {tag}"
    fix = _near(source, span, tag, known)
    return Diagnostic("unknown-tag", Severity.ERROR, told, source, span, hint(tag, known), fix)


def unknown_filter(source: Source, span: Span, name: str, known: Collection[str]) -> Diagnostic:
    told = f"templates have no filter {name}"
    fix = _near(source, span, name, known)
    return Diagnostic("unknown-filter", Severity.ERROR, told, source, span, hint(name, known), fix)


def too_long(source: Source, most: int) -> Diagnostic:
    return _error("too-long", source, Span(0, 1), f"a message is at most {most:,} characters long")


def unreadable(source: Source, span: Span, character: str) -> Diagnostic:
    what = "a NUL character" if character == "\x00" else "a byte that is not UTF-8"
    return _error("unreadable-text", source, span, f"this text has {what}", "save the file as UTF-8")


def unknown_variable(source: Source, span: Span, name: str, known: Sequence[str]) -> Diagnostic:
    told = f"{name} is no attribute, event property or part of the offer; nothing is written in its place"
    proposal = f"did you mean {known[0]}?" if len(known) == 1 else hint(name, known)
    fix = _near(source, span, name, known)
    return Diagnostic("unknown-variable", Severity.WARNING, told, source, span, proposal, fix)
