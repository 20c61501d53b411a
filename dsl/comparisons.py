"""Comparisons, lists and ranges: `tenure > 12`, `plan in (basic, standard)`, `mrr between $8 and $50`."""

from __future__ import annotations

from typing import Any

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.datatypes import Kind
from dsl.later import refuse_later
from dsl.leaves import Leaves
from dsl.names import Subject
from dsl.operands import Operand, folded, is_constant, operand
from dsl.operators import OPERATORS
from dsl.printer import spelled
from dsl.typed import Amount, Condition, Term

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
    operator = _OF_DATES.get(name, name)
    _refuse_unfit(leaves, node, subject, name, right)
    found = operand(leaves.scope, subject, right)
    if subject.type.kind is Kind.FLAG:
        wanted = (found.value is True) == (operator == "equal")
        return leaves.test("is_true" if wanted else "is_false", subject.term, (), node.span)
    if operator == "not_equal":
        leaves.note_missing(node.span, found.term, subject)
    return leaves.test(operator, found.term, (found.value,), node.span)


def _attribute_first(leaves: Leaves, node: syntax.Comparison) -> tuple[syntax.Expression, str, syntax.Expression]:
    """The sides with the attribute on the left: `12 < tenure` is `tenure > 12`."""
    left, name = folded(node.left), node.comparator.name
    if not is_constant(left):
        return left, name, node.right
    if isinstance(node.right, syntax.Name):
        return node.right, _MIRRORED[name], left
    refuse_later(leaves.scope, node.right)
    raise Wrong(errors.two_values(node.span))


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
        operand(leaves.scope, subject, right)
        instead = subject.word if subject.type.kind is Kind.FLAG else f"{subject.word} in (...)"
        raise Wrong(errors.no_order(span, subject.word, kind, written, instead))


# --- lists and ranges -------------------------------------------------------------------------------------------------


def membership(leaves: Leaves, node: syntax.In) -> Condition:
    subject = leaves.subject(node.value)
    if subject.type.kind is Kind.SET:
        first = leaves.text(node.options[0].span)
        leaves.require(subject, "in", node.value.span, f"{subject.word} includes {first}")
    if subject.type.kind is Kind.FLAG:
        raise Wrong(errors.flag_value(node.options[0].span, subject.word))
    found = [operand(leaves.scope, subject, option) for option in node.options]
    term = _common_term(found, node.options)
    if node.negated:
        leaves.note_missing(node.span, term, subject)
    operands = tuple(dict.fromkeys(one.value for one in found))
    return leaves.test("not_in" if node.negated else "in", term, operands, node.span)


def between(leaves: Leaves, node: syntax.Between) -> Condition:
    subject = leaves.subject(node.value)
    leaves.require(subject, "between", node.value.span, f"{subject.word} in (...)")
    ends = (node.low, node.high)
    low, high = found = [operand(leaves.scope, subject, end) for end in ends]
    term = _common_term(found, ends)
    if _less(high.value, low.value):
        raise Wrong(errors.ends_swapped(node.span, leaves.text(node.low.span), leaves.text(node.high.span)))
    return leaves.test("not_between" if node.negated else "between", term, (low.value, high.value), node.span)


def _common_term(found: list[Operand], nodes: tuple[syntax.Expression, ...]) -> Term:
    """What all the operands compare with: one unit of time, one currency."""
    for one, node in zip(found, nodes, strict=True):
        if one.term != found[0].term:
            told = errors.mixed_currencies if isinstance(one.term, Amount) else errors.mixed_units
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
    subject = leaves.scope.find(middle) if isinstance(middle, syntax.Name) else None
    if subject is None or subject.type.kind not in (Kind.ELAPSED, Kind.COUNT) or len(rest) != 1:
        return two
    if {first, second} <= {"greater", "greater_or_equal"}:
        low, high, first, second = rest[0], low, _MIRRORED[second], _MIRRORED[first]
    elif {first, second} <= {"less", "less_or_equal"}:
        high = rest[0]
    else:
        return two
    try:
        bounds = [operand(leaves.scope, subject, low), operand(leaves.scope, subject, high)]
    except Wrong:
        return two
    values = [int(str(one.value)) for one in bounds]
    start, end = values[0] + (first == "less"), values[1] - (second == "less")
    term = bounds[0].term
    return f"{subject.word} between {spelled(term, start)} and {spelled(term, end)}, or two comparisons"
