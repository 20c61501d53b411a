"""Fixes are safe: each mends the mistake that it is of, and those that touch each other are never applied together."""

from __future__ import annotations

from hypothesis import given, settings
from test_dsl_parser_mutations import mutations

from dsl.diagnostics import Diagnostic, Fix, Severity
from dsl.fixes import apply, fixable
from dsl.parser import parse
from dsl.source import Source, Span


@settings(max_examples=300, deadline=None)
@given(mutations())
def test_a_fix_mends_its_mistake(sentence: str) -> None:
    """What is wrong after it, if anything, stands further on or is something else."""
    for found in parse(Source("r", sentence)).diagnostics:
        if found.fix is not None:
            again = parse(Source("r", apply(sentence, [found.fix]))).diagnostics
            assert all(one.span.start > found.span.start or one.code != found.code for one in again)


def diagnostic(start: int, end: int, text: str) -> Diagnostic:
    span = Span(start, end)
    return Diagnostic("x", Severity.ERROR, "x", Source("a.rules", "abcdef"), span, None, Fix(span, text))


def test_of_two_fixes_that_touch_the_first_is_taken() -> None:
    some = [diagnostic(4, 5, "E"), diagnostic(0, 3, "ABC"), diagnostic(2, 4, "no"), diagnostic(6, 6, "!")]
    some.append(diagnostic(6, 6, "?"))
    chosen = [one.fix for one in fixable(some, "a.rules") if one.fix]
    assert apply("abcdef", chosen) == "ABCdEf!"
    assert fixable(some, "b.rules") == []
