"""Dates around today: `trial_ends_on within 7 days`, `started_on more than 14 days ago`, windows of time.

Days are counted, months go by the calendar: `within 2 months` reaches to the same day two months ahead, or to the last
day of a month that has none such.
"""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.choices import TimeUnit
from dsl.datatypes import Kind, Unit
from dsl.leaves import Leaves
from dsl.operands import whole_units
from dsl.typed import Attribute, Condition, Elapsed, LastOf, SinceLast, Window

HOUR = 3600 * 10**6
"""In microseconds."""

_HOURS = {TimeUnit.HOURS: 1, TimeUnit.DAYS: 24, TimeUnit.WEEKS: 7 * 24}


def within(leaves: Leaves, node: syntax.Within) -> Condition:
    subject = leaves.subject(node.value)
    name = "within_last" if node.past else "within_next"
    written = leaves.text(node.duration.span)
    is_elapsed = subject.type.kind is Kind.ELAPSED
    leaves.require(subject, name, node.value.span, f"{subject.word} <= {written}" if is_elapsed else None)
    if isinstance(subject.term, LastOf) and not node.past:
        raise Wrong(errors.past_within(node.span, subject.word, written))
    if node.duration.unit is TimeUnit.HOURS:
        raise Wrong(errors.within_is_days(node.duration.span))
    unit, count = whole_units(node.duration.count, Unit(node.duration.unit), node.duration)
    operator = f"{name}_months" if unit is Unit.MONTHS else name
    return leaves.test(f"not_{operator}" if node.negated else operator, subject.term, (count,), node.span)


def ago(leaves: Leaves, node: syntax.Ago) -> Condition:
    """`started_on more than 14 days ago` is an elapsed time of more than 14 days since that date.

    Of an event it is the exact time since; in months and years the full months since its date.
    """
    subject = leaves.subject(node.value)
    term, duration = subject.term, node.duration
    operator = "greater" if node.more else "less"
    if isinstance(term, LastOf):
        if node.more:
            leaves.note_never_happened(node.span, term, subject.word)
        if duration.unit in _HOURS:
            return leaves.test(operator, SinceLast(term.events), (microseconds(duration),), node.span)
    elif subject.type.kind is not Kind.DATE or not isinstance(term, Attribute):
        kind = errors.kind_of(subject.type)
        instead = None
        if subject.type.kind is Kind.ELAPSED:
            instead = f"{subject.word} {'>' if node.more else '<'} {leaves.text(duration.span)}"
        raise Wrong(errors.operator_not_for(node.value.span, subject.word, kind, "ago", instead))
    elif duration.unit is TimeUnit.HOURS:
        raise Wrong(errors.hours_of_days(duration.span, subject.word))
    unit, count = whole_units(duration.count, Unit(duration.unit), duration)
    return leaves.test(operator, Elapsed(term, unit), (count,), node.span)


def microseconds(duration: syntax.Duration) -> int:
    return duration.count * _HOURS[duration.unit] * HOUR


def window(duration: syntax.Duration) -> Window:
    """A length of time of a window or clause; none has no length. Raises Wrong."""
    if duration.count == 0:
        raise Wrong(errors.no_time(duration.span, f"at least 1 {duration.unit.removesuffix('s')}"))
    return Window(duration.count, duration.unit)
