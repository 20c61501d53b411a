"""Dates around today: `trial_ends_on within 7 days`, `started_on more than 14 days ago`."""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.datatypes import Kind, Unit
from dsl.leaves import Leaves
from dsl.operands import whole_units
from dsl.typed import Attribute, Condition, Elapsed


def within(leaves: Leaves, node: syntax.Within) -> Condition:
    subject = leaves.subject(node.value)
    name = "within_last" if node.past else "within_next"
    is_elapsed = subject.type.kind is Kind.ELAPSED
    instead = f"{subject.word} <= {leaves.text(node.duration.span)}" if is_elapsed else None
    leaves.require(subject, name, node.value.span, instead)
    days = _days(leaves, node.duration)
    return leaves.test(f"not_{name}" if node.negated else name, subject.term, (days,), node.span)


def _days(leaves: Leaves, duration: syntax.Duration) -> int:
    if duration.unit is syntax.TimeUnit.HOURS:
        raise Wrong(errors.within_is_days(duration.span))
    unit, count = whole_units(duration.count, Unit(duration.unit), duration)
    if unit is Unit.MONTHS:
        what = "within a number of months is"
        raise Wrong(errors.not_available(duration.span, what, f"within {count * 30} days"))
    return count


def ago(leaves: Leaves, node: syntax.Ago) -> Condition:
    """`started_on more than 14 days ago` is an elapsed time of more than 14 days since that date."""
    subject = leaves.subject(node.value)
    term = subject.term
    if subject.type.kind is not Kind.DATE or not isinstance(term, Attribute):
        kind = errors.kind_of(subject.type)
        raise Wrong(errors.operator_not_for(node.value.span, subject.word, kind, "ago", None))
    if node.duration.unit is syntax.TimeUnit.HOURS:
        raise Wrong(errors.hours_of_days(node.duration.span, subject.word))
    unit, count = whole_units(node.duration.count, Unit(node.duration.unit), node.duration)
    return leaves.test("greater" if node.more else "less", Elapsed(term, unit), (count,), node.span)
