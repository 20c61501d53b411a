"""The words of one declaration for the formatter: each in its canonical spelling, with the comments around it.

The declaration has been parsed, so that its tree tells what a word is: a name, the value of an enum, a currency, a unit
of time or a keyword. Nothing is reordered or left out; only spaces, capitals and the plural of units may change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from dsl import syntax
from dsl.source import Source

_PIECE = re.compile(
    r"""
    (?P<line> \n )
    | (?P<comment> \#[^\n]* )
    | (?P<text> "(?:[^"\\\n]|\\[^\n])*" )
    | (?P<value> [0-9]{4}-[0-9]{2}-[0-9]{2} | \$[ \t]*[0-9.]+ | [0-9]+(?:\.[0-9]+)? (?:[ \t]*%)? )
    | (?P<word> [A-Za-z][A-Za-z0-9_]* (?:\.[A-Za-z][A-Za-z0-9_]*)? )
    | (?P<sign> <= | >= | != | [^\s] )
    """,
    re.VERBOSE,
)
# Where a bare word is a value, and keeps its capitals: `country = NO`.
_VALUE_SIDE = frozenset(["right", "options", "low", "high", "argument", "option", "values"])

_FIELDS: dict[type[Any], tuple[str, ...]] = {
    node: tuple(each.name for each in fields(node) if each.name != "span")
    for node in vars(syntax).values()
    if isinstance(node, type) and is_dataclass(node)
}


@dataclass(slots=True)
class Token:
    """`above` are the comments, and "" for a blank line, between the token before and this one.

    `behind` is the comment at the end of its line. `is_keyword` tells `or` from the value of `state = OR`; `is_unary`
    is the minus of `-5`.
    """

    text: str
    start: int
    end: int
    is_keyword: bool
    is_unary: bool = False
    above: list[str] = field(default_factory=list)
    behind: str = ""


def tokens(source: Source, declaration: syntax.Declaration, end: int, rewrites: Mapping[int, str]) -> list[Token]:
    """The tokens up to `end`, which is past the declaration where a comment stands behind its last word.

    `rewrites` gives other texts to the tokens that end at these offsets.
    """
    marks = _Marks({}, {}, set())
    marks.read(declaration, value=False)
    marks.texts.update(rewrites)
    found: list[Token] = []
    above: list[str] = []
    lines = 0
    for match in _PIECE.finditer(source.text, declaration.span.start, end):
        kind = match.lastgroup
        if kind == "line":
            lines += 1
            continue
        if lines > 1 and above[-1:] != [""]:
            above.append("")
        if kind == "comment":
            if found and not lines:
                found[-1].behind = match.group().rstrip()
            else:
                above.append(match.group().rstrip())
        else:
            found.append(_token(match, marks, found, above))
            above = []
        lines = 0
    return found


def _token(match: re.Match[str], marks: _Marks, before: list[Token], above: list[str]) -> Token:
    text, start, end = match.group(), match.start(), match.end()
    name = marks.names.get(start)
    is_keyword = match.lastgroup == "word" and name is None
    if (marked := marks.texts.get(end)) is not None:
        text, is_keyword = marked, False
    elif name is not None:
        text = name
    elif is_keyword:
        text = text.lower()
    elif match.lastgroup == "value":
        text = "".join(text.split())
    is_unary = text == "-" and (start in marks.minus or (bool(before) and before[-1].text == "priority"))
    return Token(text, start, end, is_keyword, is_unary, above)


@dataclass(slots=True)
class _Marks:
    """What the tree says of words: names by their starts, currencies and units by their ends, unary signs by starts."""

    names: dict[int, str]
    texts: dict[int, str]
    minus: set[int]

    def read(self, node: Any, *, value: bool) -> None:
        """`value`: the node stands on the value side."""
        match node:
            case syntax.Name(text, prefix, written, span):
                self.names[span.start] = written if value else f"{prefix}.{text}" if prefix else text
            case syntax.Money(currency=str() as currency):
                self.texts[node.span.end] = currency
            case syntax.Duration(count, unit):
                self.texts[node.span.end] = str(unit) if count != 1 else unit.removesuffix("s")
            case syntax.AtMostCustomers(per=unit) | syntax.Budget(per=unit):
                self.texts[node.span.end] = unit.removesuffix("s")
            case syntax.Negative():
                self.minus.add(node.span.start)
        for part, side in _parts(node):
            self.read(part, value=value or side)


def _parts(node: Any) -> Iterator[tuple[Any, bool]]:
    """The nodes below a node, and whether they stand on the value side by their place."""
    if isinstance(node, syntax.GivenValue):
        return iter([(node.subject, False), (node.value, True)])
    if isinstance(node, syntax.ChainedComparison):
        return iter([(each, at > 0) for at, each in enumerate(node.operands)])
    return _by_field(node)


def _by_field(node: Any) -> Iterator[tuple[Any, bool]]:
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, tuple):
            for item in value:
                yield item, name in _VALUE_SIDE
        elif hasattr(value, "span"):
            yield value, name in _VALUE_SIDE
