"""Every rule of the example ruleset and of the corpus with a word gone, doubled or swapped with its neighbour: what
comes is a declaration that checks, or diagnostics whose codes have a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from robustness import FOLDER, read_rules

from dsl.codes.pages import pages
from dsl.splitter import split

HERE = Path(__file__).parent
RULES = HERE.parent / "rules"
EXAMPLE = {
    path.relative_to(RULES).as_posix(): path.read_text("utf-8")
    for path in (RULES / "catalog.yaml", RULES / "segments.rules", *(RULES / "messages").glob("*.txt"))
}
WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\w.$%]+|<=|>=|!=|\S')


def declarations() -> Iterator[tuple[str, Mapping[str, str], str]]:
    """A name, the folder that a declaration belongs to, and its text."""
    for path in sorted(RULES.glob("*.rules")):
        text = path.read_text("utf-8")
        for number, chunk in enumerate(chunk for chunk in split(text) if chunk.begins in ("rule", "on")):
            yield f"{path.stem}-{number}", EXAMPLE, text[chunk.span.start : chunk.span.end]
    for path in sorted((HERE / "fuzz" / "corpus" / "rules").iterdir()):
        if not path.name.startswith(("wrong_", "rule_test", "no_utf8", "nulls")):
            yield path.name, FOLDER, path.read_text("utf-8")


def mutations(text: str) -> Iterator[str]:
    """One word changed, behind the one that begins the declaration."""
    words = [found.span() for found in WORD.finditer(re.sub(r"#[^\n]*", lambda comment: " " * len(comment[0]), text))]
    for (start, end), (after, last) in zip(words[1:], [*words[2:], (len(text), len(text))], strict=True):
        word = text[start:end]
        yield text[:start] + text[end:]
        yield text[:end] + " " + word + text[end:]
        yield text[:start] + text[after:last] + text[end:after] + " " + word + text[last:]


@pytest.mark.parametrize(("name", "folder", "text"), [pytest.param(*one, id=one[0]) for one in declarations()])
def test_a_changed_word_is_explained_or_means_something(name: str, folder: Mapping[str, str], text: str) -> None:
    for changed in mutations(text):
        checked = read_rules(changed, folder)
        assert checked.ruleset is not None
        assert {one.code for one in checked.diagnostics} <= pages().keys()
