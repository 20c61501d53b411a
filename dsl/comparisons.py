"""Comparisons, lists and ranges: `tenure > 12`, `plan in (basic, standard)`, `mrr between $8 and $50`.

Beside a constant a comparison is a test; between two values that both depend on the customer it is a relation.
"""

from __future__ import annotations

from typing import Any

from dsl import check_errors as errors
from dsl import syntax
from dsl.arithmetic import asked_in, is_constant, reduced, refuse_bare
from dsl.check_errors import Wrong
from dsl.datatypes import DataType, Kind
from dsl.leaves import Leaves
from dsl.names import Subject
from dsl.operands import Operand, operand
from dsl.operators import OPERATORS
from dsl.printer import spelled
from dsl.source import Span
from dsl.terms import currency_of, parts
from dsl.typed import All, AnyOf, Arithmetic, Condition, Elapsed, Not, QuotaOf, Term, UsageOf
from dsl.typed import kind as kind_of

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


def comparison(leaves: Leaves, node: syntax.Comparison) -> Condition:
    left, name, right = _attribute_first(leaves, node)
    subject = leaves.subject(left)
    _refuse_unfit(leaves, node, subject, name, right)
    return _compared(leaves, subject, _OF_DATES.get(name, name), right, node.span)


def _attribute_first(leaves: Leaves, node: syntax.Comparison) -> tuple[syntax.Expression, str, syntax.Expression]:
    """The sides with a constant on the right: `12 < tenure` is `tenure > 12`."""
    left, name, right = reduced(leaves, node.left), node.comparator.name, reduced(leaves, node.right)
    if not is_constant(left):
        return left, name, right
    if is_constant(right):
        raise Wrong(errors.two_values(node.span))
    return right, _MIRRORED[name], left


def _is_value(right: syntax.Expression) -> bool:
    """Whether it is read in the type of the other side: a constant or a bare word."""
    return is_constant(right) or (isinstance(right, syntax.Name) and right.prefix is None)


def _compared(leaves: Leaves, subject: Subject, operator: str, right: syntax.Expression, span: Span) -> Condition:
    if not _is_value(right):
        return _related(leaves, subject, operator, right, span)
    found = operand(leaves.scope, subject, right)
    if subject.type.kind is Kind.FLAG:
        wanted = (found.value is True) == (operator == "equal")
        return leaves.test("is_true" if wanted else "is_false", subject.term, (), span)
    return leaves.test(operator, found.term, (found.value,), span)


def _refuse_unfit(
    leaves: Leaves, node: syntax.Comparison, subject: Subject, name: str, right: syntax.Expression
) -> None:
    """A comparator that says nothing of the type: `before` of no date, anything of a set, an order where is none."""
    span, written, kind = node.comparator.span, node.comparator.written, errors.kind_of(subject.type)
    if name in _OF_DATES and subject.type.kind is not Kind.DATE:
        raise Wrong(errors.operator_not_for(span, subject.word, kind, name, None))
    if subject.type.kind is Kind.SET:
        instead = f"{subject.word} includes {leaves.text(right.span)}"
        raise Wrong(errors.operator_not_for(span, subject.word, kind, written, instead))
    equals = name in ("equal", "not_equal")
    if not equals and subject.type.kind not in OPERATORS[_OF_DATES.get(name, name)].kinds:
        if _is_value(right):
            operand(leaves.scope, subject, right)
        instead = subject.word if subject.type.kind is Kind.FLAG else f"{subject.word} in (...)"
        raise Wrong(errors.no_order(span, subject.word, kind, written, instead))


# --- two values that depend on the customer ---------------------------------------------------------------------------


def _related(leaves: Leaves, subject: Subject, operator: str, right: syntax.Expression, span: Span) -> Condition:
    _refuse_bare_words(leaves, right, subject.type)
    other = leaves.subject(right)
    if subject.type.kind is other.type.kind is Kind.FLAG:
        raise Wrong(errors.flags_compared(span, subject.word, other.word))
    if subject.type.kind in (Kind.FLAG, Kind.SET) or _family(other.type) != _family(subject.type):
        what = f"{other.word}, which is {errors.kind_of(other.type)}"
        raise Wrong(errors.type_mismatch(right.span, subject.word, errors.kind_of(subject.type), what))
    left_term, right_term = subject.term, other.term
    if subject.type.kind is Kind.MONEY:
        named = [one.currency or currency_of(one.term) for one in (subject, other)]
        if all(named) and named[0] != named[1]:
            raise Wrong(errors.mixed_currencies(right.span))
        code = named[0] or named[1]
        left_term, right_term = asked_in(left_term, code), asked_in(right_term, code)
    if isinstance(left_term, Elapsed) and isinstance(right_term, Elapsed) and left_term.unit != right_term.unit:
        raise Wrong(errors.mixed_units(right.span))
    _note_other_unit(leaves, subject, other, right)
    if left_term == right_term:
        raise Wrong(errors.same_sides(span, subject.word))
    return leaves.relation(operator, left_term, right_term, span)


def _note_other_unit(leaves: Leaves, subject: Subject, other: Subject, right: syntax.Expression) -> None:
    """Gigabytes and calls are hardly meant to be compared; shares of two quotas are."""
    meters = leaves.scope.catalog.meters
    units = []
    for side in (subject, other):
        made_of = list(parts(side.term))
        if any(isinstance(one, Arithmetic) and one.operator == "/" for one in made_of):
            return
        units.append({meters[one.meter].unit for one in made_of if isinstance(one, UsageOf | QuotaOf)})
    if all(units) and units[0] != units[1]:
        told = errors.other_unit(right.span, subject.word, min(units[0]), other.word, min(units[1]))
        leaves.scope.notes.append(told)


def _family(type_: DataType) -> object:
    """Types compare with their like: whole numbers with numbers, a choice with a choice of the same values."""
    kind = Kind.NUMBER if type_.kind is Kind.COUNT else type_.kind
    return kind, type_.values if kind is Kind.ENUM else ()


def _refuse_bare_words(leaves: Leaves, right: syntax.Expression, type_: DataType) -> None:
    """Within arithmetic on the value side too, an attribute needs its prefix."""
    match right:
        case syntax.Name():
            refuse_bare(leaves.scope, right, type_)
        case syntax.Arithmetic(left, _, second):
            _refuse_bare_words(leaves, left, type_)
            _refuse_bare_words(leaves, second, type_)
        case syntax.Negative(value) | syntax.ShareOf(_, value):
            _refuse_bare_words(leaves, value, type_)


# --- lists and ranges -------------------------------------------------------------------------------------------------


def membership(leaves: Leaves, node: syntax.In) -> Condition:
    subject = leaves.subject(node.value)
    if subject.type.kind is Kind.SET:
        first = leaves.text(node.options[0].span)
        leaves.require(subject, "in", node.value.span, f"{subject.word} includes {first}")
    if subject.type.kind is Kind.FLAG:
        raise Wrong(errors.flag_value(node.options[0].span, subject.word))
    options = [reduced(leaves, option) for option in node.options]
    if not all(_is_value(option) for option in options):
        either = AnyOf(tuple(_compared(leaves, subject, "equal", option, node.span) for option in options))
        return Not(either) if node.negated else either
    found = [operand(leaves.scope, subject, option) for option in options]
    term = _common_term(found, node.options)
    operands = tuple(dict.fromkeys(one.value for one in found))
    return leaves.test("not_in" if node.negated else "in", term, operands, node.span)


def between(leaves: Leaves, node: syntax.Between) -> Condition:
    subject = leaves.subject(node.value)
    leaves.require(subject, "between", node.value.span, f"{subject.word} in (...)")
    ends = (reduced(leaves, node.low), reduced(leaves, node.high))
    if not all(_is_value(end) for end in ends):
        signs = ("greater_or_equal", "less_or_equal")
        both = All(tuple(_compared(leaves, subject, *one, node.span) for one in zip(signs, ends, strict=True)))
        return Not(both) if node.negated else both
    low, high = found = [operand(leaves.scope, subject, end) for end in ends]
    term = _common_term(found, ends)
    if _less(high.value, low.value):
        raise Wrong(errors.ends_swapped(node.span, leaves.text(node.low.span), leaves.text(node.high.span)))
    return leaves.test("not_between" if node.negated else "between", term, (low.value, high.value), node.span)


def _common_term(found: list[Operand], nodes: tuple[syntax.Expression, ...]) -> Term:
    """What all the operands compare with: one unit of time, one currency."""
    for one, node in zip(found, nodes, strict=True):
        if one.term != found[0].term:
            told = errors.mixed_currencies if kind_of(one.term) is Kind.MONEY else errors.mixed_units
            raise Wrong(told(node.span))
    return found[0].term


def _less(left: Any, right: Any) -> bool:
    return bool(left < right)


# --- two comparisons at once ------------------------------------------------------------------------------------------


def chained(leaves: Leaves, node: syntax.ChainedComparison) -> Condition:
    raise Wrong(errors.chained(node.comparators[1].span, _unchained(leaves, node)))


def _unchained(leaves: Leaves, node: syntax.ChainedComparison) -> str:
    """`10 < tenure < 20` as the author may write it: a between where values are whole, else two comparisons."""
    low, middle, *rest = node.operands
    first, second = (one.name for one in node.comparators[:2])
    shown = [leaves.text(one.span) for one in node.operands]
    signs = [one.written for one in node.comparators]
    two = f"{shown[0]} {signs[0]} {shown[1]} and {shown[1]} {signs[1]} {shown[2]}"
    if {first, second} <= {"greater", "greater_or_equal"}:
        low, high, first, second = rest[0], low, _MIRRORED[second], _MIRRORED[first]
    elif {first, second} <= {"less", "less_or_equal"}:
        high = rest[0]
    else:
        return two
    try:
        subject = leaves.subject(middle)
        bounds = [operand(leaves.scope, subject, low), operand(leaves.scope, subject, high)]
    except Wrong:
        return two
    if subject.type.kind not in (Kind.ELAPSED, Kind.COUNT) or len(rest) != 1:
        return two
    values = [int(str(one.value)) for one in bounds]
    start, end = values[0] + (first == "less"), values[1] - (second == "less")
    term = bounds[0].term
    return f"{subject.word} between {spelled(term, start)} and {spelled(term, end)}, or two comparisons"
