"""Conditions: each node of the tree to its typed condition. One function a kind of node, listed at the end.

Here is the logic (`and`, `or`, `not`, flags and segments); the tests are in files of their own by subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dsl import check_errors as errors
from dsl import syntax
from dsl.analysis import contradiction
from dsl.arithmetic import computed
from dsl.check_errors import Wrong
from dsl.comparisons import between, chained, comparison, membership
from dsl.datatypes import Kind
from dsl.dates import ago, within
from dsl.event_scope import EventScope
from dsl.events_and_meters import asked, find_event, happened, history
from dsl.leaves import Leaves
from dsl.names import Scope, Subject
from dsl.printer import events_text, test_text
from dsl.sets_and_text import has, includes, known, tagged, text_test
from dsl.source import Span
from dsl.typed import All, AnyOf, Attribute, Condition, CountOf, Elapsed, LastOf, Not, SegmentUse, SumOf

MOST_LEVELS = 50
# Conditions that no event's property answers.
_OF_THE_CUSTOMER = (syntax.Has, syntax.Tagged, syntax.Happened, syntax.History)


class Conditions(Leaves):
    """Checks the conditions of one declaration. `deepest` is how deep they are, segments included."""

    def __init__(self, scope: Scope, text: Callable[[Span], str]) -> None:
        super().__init__(scope, text)
        self.level = 0
        self.deepest = 0

    def check_whole(self, node: syntax.Condition) -> Condition:
        """The condition of a rule or segment, with notes on values whose absence its author may have overlooked."""
        condition = self.check(node)
        self.refuse_never_true(condition, node)
        self.tell_pitfalls()
        return condition

    def refuse_never_true(self, condition: Condition, node: syntax.Condition) -> None:
        choices = {Kind.PLAN: self.scope.catalog.plans, Kind.ADDON: self.scope.catalog.addons}
        clash = contradiction(condition, choices)
        if clash is not None:
            raise Wrong(errors.never_true(node.span, [test_text(test) for test in clash]))

    def check(self, node: syntax.Condition) -> Condition:
        """The typed condition. Raises Wrong with the first error in it."""
        self.level += 1
        self.reach(self.level, node.span)
        if isinstance(node, _OF_THE_CUSTOMER):
            self.refuse_inside(node.span)
        try:
            return _CHECKS[type(node)](self, node)
        finally:
            self.level -= 1

    def reach(self, level: int, span: Span) -> None:
        self.deepest = max(self.deepest, level)
        if level > MOST_LEVELS:
            raise Wrong(errors.too_deep(span, MOST_LEVELS))

    # --- logic

    def any_of(self, node: syntax.Or) -> Condition:
        items = []
        for at, item in enumerate(node.items):
            if at > 0:
                self.refuse_lone_value(node.items[at - 1], item)
            items.append(self.check(item))
        return AnyOf(tuple(items))

    def refuse_lone_value(self, before: syntax.Condition, item: syntax.Condition) -> None:
        """`plan is basic or standard`: the second value has lost its attribute."""
        match before, item:
            case (
                syntax.Comparison(syntax.Name() as left, syntax.Comparator("equal"), syntax.Name() as first),
                syntax.Truth(syntax.Name(prefix=None) as second),
            ) if second.text not in self.scope.words.segments and self.scope.find(second) is None:
                values = [first.written or first.text, second.written or second.text]
                raise Wrong(errors.value_after_or(second.span, values[1], left.written or left.text, values))

    def all_of(self, node: syntax.And) -> Condition:
        return All(tuple(self.check(item) for item in node.items))

    def negation(self, node: syntax.Not) -> Condition:
        self.negated = not self.negated
        try:
            return Not(self.check(node.item))
        finally:
            self.negated = not self.negated

    # --- flags and segments

    def truth(self, node: syntax.Truth) -> Condition:
        """A flag or a segment by its name alone."""
        value = node.value
        if isinstance(value, syntax.Name) and value.prefix is None and value.text in self.scope.words.segments:
            return self.segment(value)
        if isinstance(value, syntax.Name) and self.scope.find(value) is None:
            self.explain_truth(value)
        subject = self.subject(value)
        if subject.type.kind is Kind.FLAG:
            return self.test("is_true", subject.term, (), node.span)
        raise Wrong(errors.not_a_condition(node.span, subject.word, errors.kind_of(subject.type), _instead(subject)))

    def segment(self, name: syntax.Name) -> SegmentUse:
        self.refuse_inside(name.span)
        known = self.scope.words.segments[name.text]
        if known.condition is None:
            raise Wrong(errors.broken_segment(name.span, name.text, known.at))
        self.reach(self.level + known.depth, name.span)
        return SegmentUse(name.text, known.condition, name.span)

    def explain_truth(self, name: syntax.Name) -> None:
        """A word that is no attribute stands alone: probably a value that lost its attribute, or a misspelt segment."""
        scope, word = self.scope, name.text
        known_elsewhere = name.prefix is not None or word in scope.attribute_names() or scope.counted is not None
        if known_elsewhere or any(word in moment.properties for moment in scope.catalog.moments.values()):
            return
        instead = None
        if word in scope.catalog.plans:
            instead = f"plan = {word}, or plan in ({word}, ...)"
        elif word in scope.catalog.addons:
            instead = f"has {word}"
        elif word in scope.catalog.moments:
            instead = f"any {word} in last 30 days"
        elif word in scope.catalog.meters:
            instead = f"usage of {word} > ..."
        else:
            for attributes in (scope.catalog.subscription, scope.catalog.customer):
                for declared in attributes.values():
                    if name.written in declared.type.values:
                        says = "includes" if declared.type.kind is Kind.SET else "="
                        instead = f"{declared.name} {says} {name.written}"
        flags = [one for one in scope.attribute_names() if self.is_flag(one)]
        known = [*scope.words.segments, *flags]
        raise Wrong(errors.unknown_segment_or_flag(name.span, name.written or word, known, instead))

    def is_flag(self, word: str) -> bool:
        subject = self.scope.find(syntax.Name(word))
        return subject is not None and subject.type.kind is Kind.FLAG

    # --- what tests are about

    def subject(self, value: syntax.Expression) -> Subject:
        match value:
            case syntax.Name():
                return self.scope.subject(value)
            case syntax.CountOf() | syntax.SumOf() | syntax.LastOf() | syntax.UsageOf() | syntax.QuotaOf():
                self.refuse_inside(value.span)
                return asked(self, value)
            case syntax.Arithmetic() | syntax.ShareOf() | syntax.Negative():
                return computed(self, value)
        raise Wrong(errors.value_as_condition(value.span))

    def check_events(self, events: syntax.Events) -> Condition:
        """Checked in a scope of the event's own properties; as deep as where it stands."""
        if events.where is None:
            return All(())
        inner = Conditions(EventScope(self.scope, find_event(self.scope, events.name)), self.text)
        inner.level = self.level
        condition = inner.check_whole(events.where)
        self.deepest = max(self.deepest, inner.deepest)
        return condition

    def refuse_inside(self, span: Span) -> None:
        if self.scope.counted is not None:
            raise Wrong(errors.only_properties(span, self.words(span), self.scope.counted))


def _instead(subject: Subject) -> str:
    """What a value that stands alone may have been meant to be."""
    match subject.term:
        case CountOf(events) | SumOf(events=events):
            return f"any {events_text(events)}, or {subject.word} > 0"
        case LastOf(events):
            return f"any {events_text(events)}, or {subject.word} more than 7 days ago"
        case Attribute() | Elapsed():
            return f"compare it, or write {subject.word} is known"
    return f"compare it, such as {subject.word} > 0"


_CHECKS: Mapping[type, Callable[[Conditions, Any], Condition]] = {
    syntax.Or: Conditions.any_of,
    syntax.And: Conditions.all_of,
    syntax.Not: Conditions.negation,
    syntax.Truth: Conditions.truth,
    syntax.Comparison: comparison,
    syntax.ChainedComparison: chained,
    syntax.In: membership,
    syntax.Between: between,
    syntax.Known: known,
    syntax.TextTest: text_test,
    syntax.Includes: includes,
    syntax.Within: within,
    syntax.Ago: ago,
    syntax.Has: has,
    syntax.Tagged: tagged,
    syntax.Happened: happened,
    syntax.History: history,
}
