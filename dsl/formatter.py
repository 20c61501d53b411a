"""One canonical layout for every text of rules: `format_source(source, catalog)`.

A rule without a name, or a segment, stands on one line where it fits; everything else has one part a line, two columns
in, and long conditions break before `and` and `or` (layout.py). Comments and single blank lines stay where they are,
and a declaration that does not parse stays as it was written. Formatting what was formatted changes nothing, and the
meaning is kept: the words and their order are the author's (tokens.py), except that with a catalog a bare number beside
an elapsed time gets its unit and a value loses quotes that it does not need (written_out.py).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

from dsl import syntax
from dsl.catalog import Catalog
from dsl.layout import STEP, fits, lines
from dsl.parser import MAX_DECLARATION, parse
from dsl.source import Source, Span
from dsl.splitter import Chunk, split
from dsl.tokens import Token, tokens
from dsl.written_out import written_out

_OUTSIDE = re.compile(r"^[\s\ufeff]+|[\s\ufeff]+$")


def format_source(source: Source, catalog: Catalog | None = None) -> str:
    """The text of a file in the canonical layout, with one line end behind its last line."""
    source = Source(source.path, source.text.replace("\r\n", "\n"))
    declarations = {each.span.start: each for each in parse(source).file.declarations}
    written: list[str] = []
    end, was_long = 0, False
    for chunk in split(source.text):
        declaration = declarations.get(chunk.span.start)
        text = _verbatim(source, chunk) if declaration is None else _formatted(source, declaration, chunk, catalog)
        is_long = "\n" in text
        written.extend(_gap(source.text[end : chunk.span.start], bool(written), was_long or is_long))
        written.append(text)
        end, was_long = chunk.span.end, is_long
    written.extend(_gap(source.text[end:], bool(written), apart=False))
    text = "\n".join(written).rstrip("\n")
    return f"{text}\n" if text else ""


def format_declaration(source: Source, declaration: syntax.Declaration, catalog: Catalog | None = None) -> str:
    """One declaration without a line end behind it; comments behind its last word are not part of it."""
    return _formatted(source, declaration, Chunk(declaration.span, ""), catalog)


def _verbatim(source: Source, chunk: Chunk) -> str:
    """A broken declaration with the indentation of its first line, which may be what keeps it apart."""
    start = source.text.rfind("\n", 0, chunk.span.start) + 1
    return source.text[start : chunk.span.end]


def _formatted(source: Source, declaration: syntax.Declaration, chunk: Chunk, catalog: Catalog | None) -> str:
    rewrites = written_out(catalog, declaration) if catalog else {}
    found = tokens(source, declaration, chunk.span.end, rewrites)
    text = "\n".join(_laid_out(declaration, found))
    # A value such as `on` may look like the beginning of a declaration once its line ends elsewhere.
    is_sound = len(text) <= MAX_DECLARATION and sum(1 for _ in split(text)) == 1
    return text if is_sound else _verbatim(source, chunk)


# --- between declarations ---------------------------------------------------------------------------------------------


def _gap(text: str, follows: bool, apart: bool) -> list[str]:
    """The comments and single blank lines between two declarations; `apart` asks for a blank line at least.

    An indented comment right below a declaration speaks of it and stays indented.
    """
    found: list[str] = []
    below = follows
    *whole, last = text.split("\n")[follows:] or [""]
    for line in [*whole, last] if _OUTSIDE.sub("", last) else whole:
        comment = _OUTSIDE.sub("", line)
        below = below and bool(comment) and line[0] in " \t"
        if comment or ((found or follows) and found[-1:] != [""]):
            found.append(" " * STEP + comment if below else comment)
    if apart and follows and "" not in found:
        found.insert(sum(each.startswith(" ") for each in found), "")
    return found


# --- one declaration --------------------------------------------------------------------------------------------------


def _laid_out(declaration: syntax.Declaration, found: list[Token]) -> Iterator[str]:
    if _may_be_short(declaration) and fits(found, 0):
        yield from lines(found, 0, 0)
        return
    begins = dict(_begins(declaration, found))
    for start, end in zip(begins, [*list(begins)[1:], len(found)], strict=True):
        yield from lines(found[start:end], begins[start], max(begins[start], STEP) + STEP)


def _may_be_short(declaration: syntax.Declaration) -> bool:
    match declaration:
        case syntax.Rule(name=name, split=split_):
            return name is None and split_ is None
        case syntax.Segment():
            return True
    return False


def _begins(declaration: syntax.Declaration, found: list[Token]) -> Iterator[tuple[int, int]]:
    """The numbers of the tokens that begin a part, in order, each with the column that its line begins at."""
    yield 0, 0
    match declaration:
        case syntax.Segment():
            yield 3, STEP
        case syntax.Test(moment=moment, at=at):
            yield 2, STEP
            yield _number(found, moment.span) - 1, STEP
            yield _behind(found, (at or moment).span), STEP
        case syntax.Rule():
            yield from _begins_of_rule(declaration, found)


def _begins_of_rule(rule: syntax.Rule, found: list[Token]) -> Iterator[tuple[int, int]]:
    if rule.name is not None:
        yield _number(found, rule.moments[0].span) - 1, STEP
    if rule.condition is not None:
        yield _behind(found, rule.moments[-1].span), STEP
    parts = [*rule.actions, *rule.clauses]
    for before, part in zip([None, *parts], parts, strict=False):
        if not (isinstance(part, syntax.Until) and isinstance(before, syntax.From)):
            yield _number(found, part.span), STEP
    if rule.split is not None:
        yield _number(found, rule.split.span), STEP
        for arm in rule.split.arms:
            yield from _begins_of_arm(arm, found)


def _begins_of_arm(arm: syntax.Arm, found: list[Token]) -> Iterator[tuple[int, int]]:
    """An arm on one line, or an action a line."""
    start = _number(found, arm.span)
    yield start, 2 * STEP
    if not fits(found[start : _behind(found, arm.span)], 2 * STEP):
        yield from ((_number(found, action.span), 3 * STEP) for action in arm.actions[1:])


def _number(found: list[Token], span: Span) -> int:
    """The number of the token that begins the span."""
    return bisect.bisect_left(found, span.start, key=lambda token: token.start)


def _behind(found: list[Token], span: Span) -> int:
    """The number of the first token behind the span."""
    return bisect.bisect_left(found, span.end, key=lambda token: token.start)
