"""From text to tree: `parse(source)`.

The file is cut into declarations (splitter.py); each is parsed by Lark (grammar.lark, LALR(1), contextual lexer) with
the tree built in the same pass (builder.py). A declaration that does not parse gives one diagnostic, of its first
mistake (diagnosis.py), and is left out of the tree. Cost is linear in the text: a declaration has a greatest length and
a greatest nesting, and nothing looks beyond its own declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedInput

from dsl import parse_errors as errors
from dsl import syntax
from dsl.builder import Builder, currency_or_name
from dsl.diagnosis import diagnose
from dsl.diagnostics import Diagnostic
from dsl.memory import Memory
from dsl.moving import moved
from dsl.parse_errors import Refused
from dsl.source import Source, Span
from dsl.splitter import Chunk, split

# The longest declaration, in characters, comments inside it included.
MAX_DECLARATION = 20_000

# How deep parentheses, `not`, arithmetic and conditions on events may be inside one another.
MAX_NESTING = 40


# Characters of declarations whose trees are kept, with the places at which they stood.
MOST_KEPT = 4_000_000

trees: Memory[tuple[int, syntax.Declaration]] = Memory(MOST_KEPT)
"""The trees of declarations by their texts, each with the place where it stood."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Every good declaration in `file`; one diagnostic for each broken one, in the order of the text."""

    file: syntax.File
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> Parsed:
    declarations: list[syntax.Declaration] = []
    diagnostics: list[Diagnostic] = []
    for chunk in split(source.text):
        try:
            declarations.append(_declaration(source, chunk))
        except Refused as refusal:
            diagnostics.append(refusal.diagnostic)
    return Parsed(syntax.File(tuple(declarations)), tuple(diagnostics))


def _declaration(source: Source, chunk: Chunk) -> syntax.Declaration:
    """The tree of one declaration. Raises Refused with its first mistake."""
    if chunk.conflict:
        raise Refused(errors.merge_conflict(source, chunk.conflict))
    if chunk.span.end - chunk.span.start > MAX_DECLARATION:
        start = Span(chunk.span.start, min(chunk.span.end, chunk.span.start + 1))
        raise Refused(errors.declaration_too_long(source, start, MAX_DECLARATION))
    text = source.slice(chunk.span)
    base, tree = trees.recall(text, len(text), lambda: (chunk.span.start, _parsed(source, chunk, text)))
    return tree if base == chunk.span.start else moved(tree, chunk.span.start - base, source)


def _parsed(source: Source, chunk: Chunk, text: str) -> syntax.Declaration:
    lark, builder = _machine()
    builder.begin(source, chunk.span.start)
    try:
        tree: syntax.Declaration = lark.parse(text)  # type: ignore[assignment]
    except UnexpectedInput as problem:
        raise Refused(diagnose(source, chunk, problem)) from None
    if _may_be_deep(text):
        _refuse_deep(source, tree)
    return tree


def grammar() -> str:
    """The text of grammar.lark, whose comments the reference is made of."""
    return resources.files("dsl").joinpath("grammar.lark").read_text("utf-8")


@cache
def _machine() -> tuple[Lark, Builder]:
    """The parser and what it builds with: made at first use, shared by all threads."""
    builder = Builder()
    lark = Lark(
        grammar(),
        parser="lalr",
        lexer="contextual",
        transformer=builder,
        lexer_callbacks={"CURRENCY": currency_or_name},
        propagate_positions=False,
    )
    return lark, builder


def _may_be_deep(text: str) -> bool:
    """Whether there is enough in a text to nest at all: every level costs one of these."""
    return sum(map(text.count, "(+-*/%")) + text.lower().count("not") > MAX_NESTING


def _refuse_deep(source: Source, tree: syntax.Declaration) -> None:
    levels: list[Any] = [tree]
    # A rule, its condition and the parts of a comparison are levels of every tree, hence the allowance.
    for _ in range(MAX_NESTING + 4):
        levels = [part for node in levels for part in _parts(node)]
        if not levels:
            return
    raise Refused(errors.nested_too_deeply(source, levels[0].span, MAX_NESTING))


def _parts(node: Any) -> Iterator[Any]:
    """The nodes directly below a node."""
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            yield from (item for item in value if hasattr(item, "span"))
        elif hasattr(value, "span"):
            yield value
