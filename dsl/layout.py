"""Where the lines of a declaration break.

A part (`where ...`, an action, a clause) takes one line where it fits. A longer one breaks before the words that bind
least: `or`, else `and`, else those inside the first parentheses, else after commas; what is still too long breaks
again, further in. A comment or a blank line that the author wrote between two words breaks there in any case.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from dsl.splitter import BEGINNINGS
from dsl.tokens import Token

WIDTH = 110
"""Columns of a line, the comment behind it left out."""

STEP = 2
_TIGHT_BEFORE = frozenset([")", ",", ":"])


def on_one_line(tokens: Sequence[Token]) -> str:
    """The tokens with the spaces between them; the comment behind the last is left out."""
    written = [tokens[0].text]
    for before, token in itertools.pairwise(tokens):
        tight = token.text in _TIGHT_BEFORE or before.text == "(" or before.is_unary
        written.append(token.text if tight else f" {token.text}")
    return "".join(written)


def fits(tokens: Sequence[Token], indent: int) -> bool:
    """Whether the tokens may stand on one line: short enough, and nothing between them that needs its own."""
    if _must_break(tokens):
        return False
    return indent + len(on_one_line(tokens)) <= WIDTH


def lines(tokens: Sequence[Token], indent: int, further: int) -> Iterator[str]:
    """The tokens from `indent` on; lines after the first begin at `further`."""
    cuts = [] if fits(tokens, indent) else _cuts(tokens, further)
    if not cuts:
        yield from _line(tokens, indent)
        return
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(tokens)], strict=True)):
        yield from lines(tokens[start:end], further if number else indent, further + STEP)


def _line(tokens: Sequence[Token], indent: int) -> Iterator[str]:
    margin = " " * indent
    yield from (margin + each if each else "" for each in tokens[0].above)
    behind = tokens[-1].behind
    yield margin + on_one_line(tokens) + (f"  {behind}" if behind else "")


def _must_break(tokens: Sequence[Token]) -> bool:
    return any(token.above for token in tokens[1:]) or any(token.behind for token in tokens[:-1])


def _cuts(tokens: Sequence[Token], indent: int) -> list[int]:
    """The numbers of the tokens that begin a new line; none where no place is a good one."""
    depths = _depths(tokens)
    other = {0, *_of_between(tokens, depths)}
    joining: dict[tuple[int, bool], list[int]] = {}
    for number, token in enumerate(tokens):
        if token.is_keyword and token.text in ("or", "and") and number not in other:
            joining.setdefault((depths[number], token.text == "and"), []).append(number)
    if joining:
        return joining[min(joining)]
    return _after_commas(tokens, depths, indent) or _where_it_must(tokens)


def _depths(tokens: Sequence[Token]) -> list[int]:
    """In how many parentheses each token is; a parenthesis itself counts as inside."""
    depths, depth = [], 0
    for token in tokens:
        depth += token.text == "("
        depths.append(depth)
        depth -= token.text == ")"
    return depths


def _of_between(tokens: Sequence[Token], depths: Sequence[int]) -> Iterator[int]:
    """The `and` of each `between 1 and 2`, which joins no conditions."""
    open_: list[int] = []
    for number, depth in enumerate(depths):
        word = tokens[number].text if tokens[number].is_keyword else ""
        if word == "between":
            open_.append(depth)
        elif word == "and" and open_ and open_[-1] == depth:
            open_.pop()
            yield number


def _after_commas(tokens: Sequence[Token], depths: Sequence[int], indent: int) -> list[int]:
    """As many items of the outermost list on a line as fit. A word that begins a declaration never begins a line."""
    commas = [number for number, token in enumerate(tokens[:-1]) if token.text == ","]
    outermost = min((depths[number] for number in commas), default=0)
    ends = [number + 1 for number in commas if depths[number] == outermost]
    ends = [end for end in ends if tokens[end].text.lower() not in BEGINNINGS]
    cuts: list[int] = []
    start = 0
    for end, following in zip(ends, [*ends, len(tokens)][1:], strict=True):
        if indent + len(on_one_line(tokens[start:following])) > WIDTH:
            cuts.append(end)
            start = end
    return cuts


def _where_it_must(tokens: Sequence[Token]) -> list[int]:
    return [number for number in range(1, len(tokens)) if tokens[number].above or tokens[number - 1].behind]
