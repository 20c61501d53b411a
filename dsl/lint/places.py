"""Where in a file a finding belongs: the author's words for a part of a rule."""

from __future__ import annotations

import re

from dsl.source import Span
from dsl.typed import All, AnyOf, Condition, Not, Relation, Rule, SegmentUse, Test


def of_condition(condition: Condition) -> Span | None:
    """From its first clause to its last; None where it has none."""
    match condition:
        case Test(span=span) | Relation(span=span) | SegmentUse(span=span):
            return span
        case Not(item):
            return of_condition(item)
        case All(items) | AnyOf(items):
            found = [each for item in items if (each := of_condition(item)) is not None]
            return Span(min(one.start for one in found), max(one.end for one in found)) if found else None


def of_words(rule: Rule, *patterns: str) -> Span:
    """The first words of the rule that look like one of the patterns, comments and quotes aside; else its first."""
    text = _QUIET.sub(lambda found: " " * len(found.group()), rule.text)
    for pattern in patterns:
        if found := re.search(pattern, text, re.IGNORECASE):
            start = rule.span.start + found.start()
            return Span(start, start + len(found.group()))
    first = re.match(r"\w+", text)
    return Span(rule.span.start, rule.span.start + (len(first.group()) if first else 1))


_QUIET = re.compile(r'#[^\n]*|"(?:[^"\\\n]|\\.)*"')


def of_name(rule: Rule) -> Span:
    """The rule's name, or its moment where it has none."""
    found = _NAMED.match(rule.text)
    if found is None:
        return of_words(rule, r"\bon\s+[\w-]+")
    return Span(rule.span.start + found.start("name"), rule.span.start + found.end("name"))


_NAMED = re.compile(r"rule\s+(?P<name>\w+)", re.IGNORECASE)


def of_offer(rule: Rule, product: str) -> Span:
    """The product where it is offered."""
    at = rule.text.lower().find("offer")
    found = re.search(rf"\b{re.escape(product)}\b", rule.text[max(at, 0) :], re.IGNORECASE)
    if at < 0 or found is None:
        return of_words(rule, r"\boffer\b")
    return Span(rule.span.start + at + found.start(), rule.span.start + at + found.end())
