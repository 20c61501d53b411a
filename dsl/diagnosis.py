"""Which mistake an author made where the parser stopped.

The parser knows where a declaration stops making sense and which words could have come next. An author needs to hear
what is missing or misspelt. `MISTAKES` are the mistakes people make, most certain first: each function looks at the
place and answers with its diagnostic or None. The first that answers is the diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable

from lark.exceptions import UnexpectedInput

from dsl import misplaced_words as words
from dsl import parse_errors as errors
from dsl import stray_signs as signs
from dsl.diagnostics import Diagnostic
from dsl.place import Place, locate
from dsl.source import Source
from dsl.splitter import Chunk

MISTAKES: tuple[Callable[[Place], Diagnostic | None], ...] = (
    words.no_beginning,
    signs.quotes,
    signs.money_signs,
    signs.doubled_signs,
    signs.signs,
    signs.hyphens,
    signs.parentheses,
    signs.list_without_parentheses,
    words.order,
    words.commas,
    words.not_needed,
    words.name_reserved,
    words.forgotten_condition,
    words.no_where,
    signs.numbers,
    words.unquoted,
    words.no_left_side,
    words.no_at,
    words.no_in,
    words.no_time,
    words.misspelt,
    words.no_comparison,
    words.no_expect,
    words.no_moment,
    words.missing,
    words.ago,
    words.only_one_fits,
    words.reserved,
)


def diagnose(source: Source, chunk: Chunk, problem: UnexpectedInput) -> Diagnostic:
    place = locate(source, chunk, problem)
    for mistake in MISTAKES:
        if (found := mistake(place)) is not None:
            return found
    if place.here is None:
        return errors.unfinished(source, place.span, place.expected)
    return errors.does_not_fit(source, place.span, place.expected)
