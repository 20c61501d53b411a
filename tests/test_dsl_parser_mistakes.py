"""Mistakes and how they are explained: tests/golden/mistakes.rules has each with its diagnostic on the next line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.diagnostics import Diagnostic
from dsl.parser import grammar, parse
from dsl.source import Source

GOLDEN = Path(__file__).parent / "golden" / "mistakes.rules"
SHARED = Path(__file__).parents[2] / "shared" / "language"
CARETS = re.compile(r" *\^+ ")


def paragraphs() -> list[str]:
    return [one for one in GOLDEN.read_text().split("\n\n") if not one.startswith("#")]


def explained(paragraph: str) -> tuple[str, str]:
    """A paragraph's own text, and the same with its diagnostics as carets below their lines."""
    text = "\n".join(line for line in paragraph.rstrip("\n").split("\n") if not CARETS.match(line))
    source = Source("mistakes.rules", text)
    below: dict[int, str] = {}
    for found in parse(source).diagnostics:
        at = source.position(found.span.start)
        carets = " " * (at.column - 1) + "^" * max(1, found.span.end - found.span.start)
        hint = f" | {found.hint}" if found.hint else ""
        below[at.line] = f"{carets} {found.code}: {found.message}{hint}"
    lines = [[line, below[number]] if number in below else [line] for number, line in enumerate(text.split("\n"), 1)]
    return text, "\n".join(line for pair in lines for line in pair)


@pytest.mark.parametrize("paragraph", paragraphs(), ids=lambda one: one.split("\n")[0])
def test_a_mistake_is_explained_on_its_line(paragraph: str) -> None:
    _, shown = explained(paragraph)
    assert shown == paragraph.rstrip("\n")


@pytest.mark.parametrize("paragraph", paragraphs(), ids=lambda one: one.split("\n")[0])
def test_no_message_speaks_of_the_grammar(paragraph: str) -> None:
    """Neither the names of its terminals nor those of its rules."""
    text, _ = explained(paragraph)
    terminals = set(re.findall(r"^(\w+)(?:\.\d)?:", grammar(), re.MULTILINE)) - set(re.findall(r"\w+", text))
    rules = {"sum", "factor", "term", "one_test", "conjunction", "negation", "comparator", "literal"}
    (found,) = parse(Source("r", text)).diagnostics
    said = set(re.findall(r"\w+", f"{found.message} {found.hint}"))
    assert not said & {name for name in terminals | rules if name.isupper() or "_" in name}


@pytest.mark.parametrize("paragraph", paragraphs(), ids=lambda one: one.split("\n")[0])
def test_a_fix_takes_the_mistake_away(paragraph: str) -> None:
    """What a fix makes of the text is right, or has another mistake further on."""
    text, _ = explained(paragraph)
    (found,) = parse(Source("r", text)).diagnostics
    if found.fix is None:
        return
    fixed = text[: found.fix.span.start] + found.fix.text + text[found.fix.span.end :]
    (again, *_) = [*parse(Source("r", fixed)).diagnostics, None]
    assert again is None or again.span.start > found.span.start


def one(text: str) -> Diagnostic:
    (found,) = parse(Source("r", text)).diagnostics
    return found


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/language")
def test_the_rejected_sentences_that_are_not_sentences() -> None:
    """Of reject.rules, those that need no catalog to be wrong; all others have a tree."""
    expected = {
        "and offer premium": ("missing-condition", "offer"),
        "where tenure > 12": ("rule-does-nothing", ""),
        "for 3 months at 10% off": ("two-prices", "10% off"),
        'on 2026-02-30 say "hello"': ("no-such-date", "2026-02-30"),
        '"a@b.example offer premium': ("unclosed-quote", '"'),
    }
    for paragraph in (SHARED / "reject.rules").read_text().split("\n\n")[1:]:
        source = Source("reject.rules", "\n".join(line for line in paragraph.split("\n") if not line.startswith("#=")))
        found = [(one.code, source.slice(one.span)) for one in parse(source).diagnostics]
        assert found == [wanted for ending, wanted in expected.items() if source.text.strip().endswith(ending)]


@pytest.mark.parametrize(
    ("text", "code", "blamed"),
    [
        ("on birthday where tenure\u200b > 12 offer premium", "unexpected-character", "\u200b"),
        ("on birth\0day say hello", "unexpected-character", "\0"),
        ("on birthday say \x1bhello", "unexpected-character", "\x1b"),
        ("on birthday say hello\u2028via email", "unexpected-character", "\u2028"),
        ("on birthday say \ud800", "unexpected-character", "\ud800"),
        ("on birthday say 日本", "foreign-letters", "日本"),
        ("on birthday say hello via \u212aanal", "foreign-letters", "\u212aanal"),  # the Kelvin sign, no K
        ('on birthday say "x\ny"', "unclosed-quote", '"'),
        ('on birthday say "x\r\ny"', "unclosed-quote", '"'),
    ],
)
def test_strange_characters(text: str, code: str, blamed: str) -> None:
    found = one(text)
    assert (found.code, found.source.slice(found.span)) == (code, blamed)


def test_the_caret_is_right_in_a_later_declaration() -> None:
    text = "\ufeff# first\r\non birthday say hello\r\n\r\nrule b\r\n\ton birthday\r\n\twher x = 1\r\n  say hello\r\n"
    found = one(text)
    assert found.source.position(found.span.start).line == 6
    assert found.source.slice(found.span) == "wher"
    assert found.render().split("\n")[2].endswith("|  ^^^^")
