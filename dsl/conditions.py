"""Conditions: each node of the tree to its typed test. One function a kind of node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from dsl import check_errors as errors
from dsl import syntax
from dsl.catalog import Owner
from dsl.check_errors import Finding, Wrong
from dsl.datatypes import Kind, Unit, Value
from dsl.later import happened_later, history_later, refuse_later
from dsl.names import ADDONS, TAGS, Scope, Subject
from dsl.operands import Operand, choice, folded, is_constant, kind_of, operand, whole_units
from dsl.operators import OPERATORS
from dsl.printer import spelled
from dsl.source import Span
from dsl.typed import All, Amount, AnyOf, Attribute, Condition, Elapsed, Not, SegmentUse, Term, Test

MOST_LEVELS = 50

_MIRRORED = {
    "equal": "equal",
    "not_equal": "not_equal",
    "less": "greater",
    "greater": "less",
    "less_or_equal": "greater_or_equal",
    "greater_or_equal": "less_or_equal",
    "before": "after",
    "after": "before",
    "on": "on",
}
_OF_DATES = {"before": "less", "after": "greater", "on": "equal"}


class Conditions:
    """Checks the conditions of one declaration. `text` gives the author's words for a span."""

    def __init__(self, scope: Scope, text: Callable[[Span], str]) -> None:
        self.scope = scope
        self.text = text
        self.level = 0
        self.asked: set[str] = set()
        self.pitfalls: list[tuple[str, Finding]] = []

    def check_whole(self, node: syntax.Condition) -> Condition:
        """The condition of a rule or segment, with a note on values whose absence its author may have overlooked."""
        condition = self.check(node)
        self.scope.notes.extend(finding for key, finding in self.pitfalls if key not in self.asked)
        return condition

    def check(self, node: syntax.Condition) -> Condition:
        """The typed condition. Raises Wrong with the first error in it."""
        self.level += 1
        if self.level > MOST_LEVELS:
            raise Wrong(errors.too_deep(node.span, MOST_LEVELS))
        try:
            return _CHECKS[type(node)](self, node)
        finally:
            self.level -= 1

    def test(self, operator: str, term: Term, operands: tuple[Value, ...], span: Span) -> Test:
        return Test(operator, term, operands, " ".join(self.text(span).split()), span)

    def subject(self, value: syntax.Expression) -> Subject:
        """The attribute that a test is about."""
        refuse_later(self.scope, value)
        if isinstance(value, syntax.Name):
            return self.scope.subject(value)
        raise Wrong(errors.value_as_condition(value.span))

    def require(self, subject: Subject, operator: str, span: Span, instead: str | None = None) -> None:
        """The operator applies to values of this type."""
        row = OPERATORS[operator]
        if subject.type.kind not in row.kinds:
            kind = kind_of(subject.type)
            raise Wrong(errors.operator_not_for(span, subject.word, kind, row.spelling, instead))

    # --- logic

    def any_of(self, node: syntax.Or) -> Condition:
        for before, item in pairwise(node.items):
            self.refuse_lone_value(before, item)
        return AnyOf(tuple(self.check(item) for item in node.items))

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
        return Not(self.check(node.item))

    def truth(self, node: syntax.Truth) -> Condition:
        """A flag or a segment by its name alone."""
        value = node.value
        refuse_later(self.scope, value)
        if not isinstance(value, syntax.Name):
            raise Wrong(errors.value_as_condition(value.span))
        if value.prefix is None and value.text in self.scope.words.segments:
            return self.segment(value)
        subject = self.scope.find(value)
        if subject is None:
            self.explain_truth(value)
            subject = self.scope.subject(value)
        if subject.type.kind is Kind.FLAG:
            return self.test("is_true", subject.term, (), node.span)
        instead = f"compare it, or write {subject.word} is known"
        raise Wrong(errors.not_a_condition(node.span, subject.word, kind_of(subject.type), instead))

    def segment(self, name: syntax.Name) -> SegmentUse:
        known = self.scope.words.segments[name.text]
        if known.condition is None:
            raise Wrong(errors.broken_segment(name.span, name.text, known.at))
        if self.level + known.depth > MOST_LEVELS:
            raise Wrong(errors.too_deep(name.span, MOST_LEVELS))
        return SegmentUse(name.text, known.condition, name.span)

    def explain_truth(self, name: syntax.Name) -> None:
        """A word that is no attribute stands alone: probably a value that lost its attribute, or a misspelt segment."""
        scope, word = self.scope, name.text
        if name.prefix is not None or any(word in moment.properties for moment in scope.catalog.moments.values()):
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

    # --- comparisons

    def comparison(self, node: syntax.Comparison) -> Condition:
        left, right, name = folded(node.left), node.right, node.comparator.name
        if is_constant(left):
            if not isinstance(right, syntax.Name) or is_constant(right):
                refuse_later(self.scope, right)
                raise Wrong(errors.two_values(node.span))
            left, right, name = right, left, _MIRRORED[name]
        subject = self.subject(left)
        return self.compare(node, subject, name, right)

    def compare(self, node: syntax.Comparison, subject: Subject, name: str, right: syntax.Expression) -> Condition:
        if name in _OF_DATES and subject.type.kind is not Kind.DATE:
            kind = kind_of(subject.type)
            raise Wrong(errors.operator_not_for(node.comparator.span, subject.word, kind, name, None))
        operator = _OF_DATES.get(name, name)
        if subject.type.kind is Kind.SET:
            shown = self.text(right.span)
            raise Wrong(
                errors.operator_not_for(
                    node.comparator.span,
                    subject.word,
                    "a set",
                    node.comparator.written,
                    f"{subject.word} includes {shown}",
                )
            )
        found = operand(self.scope, subject, right)
        if subject.type.kind is Kind.FLAG:
            return self.flag(node, subject, operator, found)
        if subject.type.kind not in OPERATORS[operator].kinds:
            kind, instead = kind_of(subject.type), f"{subject.word} in (...)"
            raise Wrong(errors.no_order(node.comparator.span, subject.word, kind, node.comparator.written, instead))
        if operator == "not_equal":
            self.missing_never_matches(node.span, found.term, subject)
        return self.test(operator, found.term, (found.value,), node.span)

    def flag(self, node: syntax.Comparison, subject: Subject, operator: str, found: Operand) -> Test:
        if operator not in ("equal", "not_equal"):
            raise Wrong(
                errors.no_order(
                    node.comparator.span, subject.word, "true or false", node.comparator.written, subject.word
                )
            )
        wanted = found.value is True
        return self.test("is_true" if wanted == (operator == "equal") else "is_false", subject.term, (), node.span)

    def chained(self, node: syntax.ChainedComparison) -> Condition:
        raise Wrong(errors.chained(node.comparators[1].span, self.unchained(node)))

    def unchained(self, node: syntax.ChainedComparison) -> str:
        """`10 < tenure < 20` as the author may write it: a between where values are whole, else two comparisons."""
        low, middle, *rest = node.operands
        first, second = (one.name for one in node.comparators[:2])
        shown = [self.text(one.span) for one in node.operands]
        signs = [one.written for one in node.comparators]
        two = f"{shown[0]} {signs[0]} {shown[1]} and {shown[1]} {signs[1]} {shown[2]}"
        subject = self.scope.find(middle) if isinstance(middle, syntax.Name) else None
        if subject is None or subject.type.kind not in (Kind.ELAPSED, Kind.COUNT) or len(rest) != 1:
            return two
        if {first, second} <= {"greater", "greater_or_equal"}:
            low, high, first, second = rest[0], low, _MIRRORED[second], _MIRRORED[first]
        elif {first, second} <= {"less", "less_or_equal"}:
            high = rest[0]
        else:
            return two
        try:
            bounds = [operand(self.scope, subject, low), operand(self.scope, subject, high)]
        except Wrong:
            return two
        values = [int(str(one.value)) for one in bounds]
        start, end = values[0] + (first == "less"), values[1] - (second == "less")
        unit = bounds[0].term
        return f"{subject.word} between {spelled(unit, start)} and {spelled(unit, end)}, or two comparisons"

    def missing_never_matches(self, span: Span, term: Term, subject: Subject) -> None:
        owner = _attribute(term).owner
        whose = {Owner.CUSTOMER: "customers", Owner.SUBSCRIPTION: "subscriptions", Owner.EVENT: "events"}[owner]
        self.pitfalls.append((_attribute(term).key, errors.missing_never_matches(span, subject.word, whose)))

    # --- lists and ranges

    def membership(self, node: syntax.In) -> Condition:
        subject = self.subject(node.value)
        if subject.type.kind is Kind.SET:
            first = self.text(node.options[0].span)
            self.require(subject, "in", node.value.span, f"{subject.word} includes {first}")
        if subject.type.kind is Kind.FLAG:
            raise Wrong(errors.flag_value(node.options[0].span, subject.word))
        found = [operand(self.scope, subject, option) for option in node.options]
        term = self.common_term(subject, found, node.options)
        if node.negated:
            self.missing_never_matches(node.span, term, subject)
        operands = tuple(dict.fromkeys(one.value for one in found))
        return self.test("not_in" if node.negated else "in", term, operands, node.span)

    def between(self, node: syntax.Between) -> Condition:
        subject = self.subject(node.value)
        self.require(subject, "between", node.value.span, f"{subject.word} in (...)")
        ends = (node.low, node.high)
        low, high = found = [operand(self.scope, subject, end) for end in ends]
        term = self.common_term(subject, found, ends)
        if _less(high.value, low.value):
            raise Wrong(errors.ends_swapped(node.span, self.text(node.low.span), self.text(node.high.span)))
        return self.test("not_between" if node.negated else "between", term, (low.value, high.value), node.span)

    def common_term(self, subject: Subject, found: list[Operand], nodes: tuple[syntax.Expression, ...]) -> Term:
        """What all the operands compare with: one unit of time, one currency."""
        for one, node in zip(found, nodes, strict=True):
            if one.term != found[0].term:
                told = errors.mixed_currencies if isinstance(one.term, Amount) else errors.mixed_units
                raise Wrong(told(node.span))
        return found[0].term

    # --- presence, text, sets

    def known(self, node: syntax.Known) -> Condition:
        subject = self.subject(node.value)
        self.asked.add(_attribute(subject.term).key)
        return self.test("is_missing" if node.negated else "is_known", subject.term, (), node.span)

    def text_test(self, node: syntax.TextTest) -> Condition:
        subject = self.subject(node.value)
        self.require(subject, node.operator, node.value.span)
        found = operand(self.scope, subject, node.argument)
        operator = f"not_{node.operator}" if node.negated else str(node.operator)
        return self.test(operator, found.term, (found.value,), node.span)

    def includes(self, node: syntax.Includes) -> Condition:
        subject = self.subject(node.value)
        instead = f"{subject.word} contains ..." if subject.type.kind is Kind.TEXT else f"{subject.word} = ..."
        self.require(subject, "includes", node.value.span, instead)
        return self.test(
            "not_includes" if node.negated else "includes",
            subject.term,
            (self.option(subject, node.option),),
            node.span,
        )

    def option(self, subject: Subject, node: syntax.Expression) -> str:
        """A member that a set may have: one of its declared values, or an add-on held, or any word for tags."""
        refuse_later(self.scope, node)
        match node:
            case syntax.Name(prefix=None):
                written, bare = node.written or node.text, True
            case syntax.Text(written):
                bare = False
            case _:
                raise Wrong(errors.type_mismatch(node.span, subject.word, "a set", "this", None))
        if subject.term == ADDONS:
            return self.addon(syntax.Name(written.lower(), written=written, span=node.span))
        if subject.type.values:
            return choice(subject, written, node, bare=bare)
        return written.lower() if bare and subject.term == TAGS else written

    def has(self, node: syntax.Has) -> Condition:
        return self.test("includes", ADDONS, (self.addon(node.addon),), node.span)

    def addon(self, name: syntax.Name) -> str:
        addons = self.scope.catalog.addons
        if name.text in addons:
            return name.text
        if name.text in self.scope.catalog.plans:
            raise Wrong(errors.plan_as_addon(name.span, name.text))
        raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "add-on", list(addons)))

    def tagged(self, node: syntax.Tagged) -> Condition:
        return self.test("includes", TAGS, (node.tag.text,), node.span)

    # --- time

    def within(self, node: syntax.Within) -> Condition:
        subject = self.subject(node.value)
        name = "within_last" if node.past else "within_next"
        is_elapsed = subject.type.kind is Kind.ELAPSED
        instead = f"{subject.word} <= {self.text(node.duration.span)}" if is_elapsed else None
        self.require(subject, name, node.value.span, instead)
        days = self.days(node.duration)
        return self.test(f"not_{name}" if node.negated else name, subject.term, (days,), node.span)

    def days(self, duration: syntax.Duration) -> int:
        if duration.unit is syntax.TimeUnit.HOURS:
            raise Wrong(errors.within_is_days(duration.span))
        unit, count = whole_units(duration.count, Unit(duration.unit), duration)
        if unit is Unit.MONTHS:
            what = "within a number of months is"
            raise Wrong(errors.not_available(duration.span, what, f"within {count * 30} days"))
        return count

    def ago(self, node: syntax.Ago) -> Condition:
        """`started_on more than 14 days ago` is an elapsed time of more than 14 days since that date."""
        subject = self.subject(node.value)
        term = subject.term
        if subject.type.kind is not Kind.DATE or not isinstance(term, Attribute):
            kind = kind_of(subject.type)
            raise Wrong(errors.operator_not_for(node.value.span, subject.word, kind, "ago", None))
        if node.duration.unit is syntax.TimeUnit.HOURS:
            raise Wrong(errors.hours_of_days(node.duration.span, subject.word))
        unit, count = whole_units(node.duration.count, Unit(node.duration.unit), node.duration)
        since = Elapsed(term, unit, f"time since {subject.word}")
        return self.test("greater" if node.more else "less", since, (count,), node.span)

    # --- what comes later

    def happened(self, node: syntax.Happened) -> Condition:
        raise happened_later(self.scope, node)

    def history(self, node: syntax.History) -> Condition:
        raise history_later(self.scope, node)


def _attribute(term: Term) -> Attribute:
    match term:
        case Elapsed(start):
            return start
        case Amount(money):
            return money
        case Attribute():
            return term


def _less(left: Any, right: Any) -> bool:
    return bool(left < right)


_CHECKS: Mapping[type, Callable[[Conditions, Any], Condition]] = {
    syntax.Or: Conditions.any_of,
    syntax.And: Conditions.all_of,
    syntax.Not: Conditions.negation,
    syntax.Truth: Conditions.truth,
    syntax.Comparison: Conditions.comparison,
    syntax.ChainedComparison: Conditions.chained,
    syntax.In: Conditions.membership,
    syntax.Between: Conditions.between,
    syntax.Known: Conditions.known,
    syntax.TextTest: Conditions.text_test,
    syntax.Includes: Conditions.includes,
    syntax.Within: Conditions.within,
    syntax.Ago: Conditions.ago,
    syntax.Has: Conditions.has,
    syntax.Tagged: Conditions.tagged,
    syntax.Happened: Conditions.happened,
    syntax.History: Conditions.history,
}
