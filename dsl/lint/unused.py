"""Segments and messages that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.diagnostics import Diagnostic
from dsl.lint import findings
from dsl.lint.facts import actions_of
from dsl.source import Span
from dsl.typed import All, AnyOf, Condition, Not, Relation, Ruleset, Say, SegmentUse, Test


def check_unused(ruleset: Ruleset) -> Iterator[Diagnostic]:
    used = {name for rule in ruleset.rules for name in _segments(rule.condition)}
    used |= {name for segment in ruleset.segments.values() for name in _segments(segment.condition)}
    for name, segment in ruleset.segments.items():
        if name not in used:
            start = segment.source.text.lower().find(name, segment.span.start)
            span = Span(start, start + len(name)) if start >= 0 else segment.span
            yield findings.unused_segment(span, name).within(segment.source)
    said = {action.message for rule in ruleset.rules for action in actions_of(rule) if isinstance(action, Say)}
    for name, message in ruleset.messages.items():
        if name not in said:
            yield findings.unused_message(Span(0, 0), name).within(message.source)


def _segments(condition: Condition) -> Iterator[str]:
    match condition:
        case SegmentUse(name):
            yield name
        case Not(item):
            yield from _segments(item)
        case All(items) | AnyOf(items):
            for item in items:
                yield from _segments(item)
        case Test() | Relation():
            return
