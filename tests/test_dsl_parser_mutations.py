"""Valid sentences with some words gone, doubled, swapped or replaced: each parses, or is one mistake inside itself."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl import parse_errors
from dsl.parser import grammar, parse
from dsl.source import Source
from dsl.splitter import split

TEXT = (Path(__file__).parent / "golden" / "sentences.rules").read_text()
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.$%]+|<=|>=|!=|\S')
SENTENCES = [
    WORD.findall(re.sub(r"  # .*", "", TEXT[chunk.span.start : chunk.span.end]).replace("\n", " "))
    for chunk in split(TEXT)
]
VOCABULARY = sorted(
    {word for sentence in SENTENCES for word in sentence} | {"wher", "€", "“", '"', "==", "1,000", "ö", "<<<<<<<"}
)
CODES = set(re.findall(r'_error\(\s*"([a-z-]+)"', Path(parse_errors.__file__).read_text()))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """One of the sentences on one line, with one to three words changed behind its first."""
    words = list(draw(st.sampled_from(SENTENCES)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(1, len(words) - 1)) if len(words) > 1 else 0
        match draw(st.sampled_from(["delete", "double", "swap", "replace", "insert", "cut"])):
            case "delete" if len(words) > 1:
                del words[at]
            case "double":
                words.insert(at, words[at])
            case "swap":
                words[at], words[-1] = words[-1], words[at]
            case "replace":
                words[at] = draw(st.sampled_from(VOCABULARY))
            case "insert":
                words.insert(at, draw(st.sampled_from(VOCABULARY)))
            case _:
                words = words[: at + 1]
    return " ".join(words)


@settings(max_examples=500, deadline=None)
@given(mutations())
def test_a_changed_sentence_parses_or_is_one_mistake(sentence: str) -> None:
    parsed = parse(Source("r", sentence))
    assert len(parsed.diagnostics) + len(parsed.file.declarations) == 1
    for found in parsed.diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(sentence)
        assert found.message
        assert found.code in CODES or found.code.startswith("missing-")


@settings(max_examples=200, deadline=None)
@given(mutations())
def test_the_neighbours_of_a_changed_sentence_survive(sentence: str) -> None:
    first, final = "rule first on birthday say hello", 'rule final "Final" on renewal offer premium'
    alone = parse(Source("r", sentence))
    together = parse(Source("r", f"{first}\n{sentence}\n{final}\n"))
    kept = together.file.declarations
    assert kept[0] == parse(Source("r", first)).file.declarations[0]
    assert kept[1:-1] == alone.file.declarations
    assert kept[-1] == parse(Source("r", final)).file.declarations[0]
    shift = len(first) + 1
    assert [(found.code, found.span.start - shift) for found in together.diagnostics] == [
        (found.code, found.span.start) for found in alone.diagnostics
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*VOCABULARY, "\n", "\n\n", "\n  ", "on", "rule", "test", "segment"]), max_size=60))
def test_no_heap_of_words_raises(words: list[str]) -> None:
    text = " ".join(words)
    parsed = parse(Source("r", text))
    assert len(parsed.diagnostics) + len(parsed.file.declarations) == len(list(split(text)))


def test_the_vocabulary_of_the_mutations_covers_the_grammar() -> None:
    """Every keyword is in some golden sentence, so that the mutations reach every rule of the grammar."""
    keywords = re.findall(r"^_?[A-Z_]+\.\d: /([a-z]+)\\b/i", grammar(), re.MULTILINE)
    known = {word.lower() for word in VOCABULARY}
    assert [word for word in keywords if word not in known] == []
