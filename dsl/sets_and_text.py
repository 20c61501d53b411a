"""Presence, text and sets: `is known`, `contains`, `includes`, `has backup`, `is tagged vip`."""

from __future__ import annotations

from dsl import check_errors as errors
from dsl import syntax
from dsl.check_errors import Wrong
from dsl.datatypes import Kind
from dsl.leaves import Leaves
from dsl.names import ADDONS, TAGS, Subject
from dsl.operands import choice, operand
from dsl.source import normalised
from dsl.typed import Condition


def known(leaves: Leaves, node: syntax.Known) -> Condition:
    subject = leaves.subject(node.value)
    leaves.note_asked(subject.term)
    return leaves.test("is_missing" if node.negated else "is_known", subject.term, (), node.span)


def text_test(leaves: Leaves, node: syntax.TextTest) -> Condition:
    subject = leaves.subject(node.value)
    leaves.require(subject, node.operator, node.value.span)
    found = operand(leaves.scope, subject, node.argument)
    operator = f"not_{node.operator}" if node.negated else str(node.operator)
    return leaves.test(operator, found.term, (found.value,), node.span)


def includes(leaves: Leaves, node: syntax.Includes) -> Condition:
    subject = leaves.subject(node.value)
    instead = f"{subject.word} contains ..." if subject.type.kind is Kind.TEXT else f"{subject.word} = ..."
    leaves.require(subject, "includes", node.value.span, instead)
    return leaves.test(
        "not_includes" if node.negated else "includes",
        subject.term,
        (_option(leaves, subject, node.option),),
        node.span,
    )


def _option(leaves: Leaves, subject: Subject, node: syntax.Expression) -> str:
    """A member that a set may have: one of its declared values, or an add-on held, or any word for tags."""
    match node:
        case syntax.Name(prefix=None):
            written, bare = node.written or node.text, True
        case syntax.Text(written):
            bare = False
        case _:
            raise Wrong(errors.type_mismatch(node.span, subject.word, "a set", "this", None))
    if subject.term == ADDONS:
        return _addon(leaves, syntax.Name(written.lower(), written=written, span=node.span))
    if subject.type.values:
        return choice(subject, written, node, bare=bare)
    return written.lower() if bare and subject.term == TAGS else normalised(written)


def has(leaves: Leaves, node: syntax.Has) -> Condition:
    return leaves.test("includes", ADDONS, (_addon(leaves, node.addon),), node.span)


def _addon(leaves: Leaves, name: syntax.Name) -> str:
    addons = leaves.scope.catalog.addons
    if name.text in addons:
        return name.text
    if name.text in leaves.scope.catalog.plans:
        raise Wrong(errors.plan_as_addon(name.span, name.text))
    raise Wrong(errors.unknown_of_kind(name.span, name.written or name.text, "add-on", list(addons)))


def tagged(leaves: Leaves, node: syntax.Tagged) -> Condition:
    return leaves.test("includes", TAGS, (node.tag.text,), node.span)
