"""What may come at a cursor: cases in tests/golden/completion.txt, and that no text makes it fail."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.folder import CATALOG, Files
from dsl.language_service.completion import complete
from dsl.language_service.hover import hover
from dsl.language_service.keywords import KEYWORDS
from dsl.language_service.navigation import definition, references, symbols
from dsl.language_service.renaming import rename
from dsl.words import ACTIONS, CLAUSES

GOLDEN = Path(__file__).parent / "golden"
WORDS = (GOLDEN / "catalog.yaml").read_text()


@dataclass
class Case:
    text: str = ""
    first: list[str] | None = None
    without: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)

    def files(self) -> Files:
        return {CATALOG: WORDS, "a.rules": self.text.replace("|", "", 1), **self.beside}


def cases() -> list[Case]:
    """Paragraphs of the golden file: the text, `=` what comes first, `!` what does not come, `+` another file."""
    found = []
    for block in (GOLDEN / "completion.txt").read_text().split("\n\n"):
        case = Case()
        for line in block.strip("\n").split("\n"):
            mark, _, rest = line.partition(" ")
            match mark:
                case "=":
                    case.first = rest.split(", ")
                case "!":
                    case.without = rest.split(", ")
                case "+" if rest.startswith("message "):
                    case.beside[f"messages/{rest.removeprefix('message ')}.txt"] = "Hello"
                case "+":
                    case.beside["b.rules"] = rest
                case _ if not line.startswith("#"):
                    case.text += ("" if line == "." else line) + "\n"
        case.text = case.text.removesuffix("\n")
        if case.text:
            found.append(case)
    return found


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.text)
def test_what_may_come(case: Case) -> None:
    found = complete(case.files(), "a.rules", case.text.index("|"))
    labels = [one.label for one in found]
    if case.first is None and not case.without:
        assert labels == []
    assert labels[: len(case.first or [])] == (case.first or [])
    assert not set(case.without) & set(labels)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.text)
def test_what_is_chosen_replaces_what_is_there(case: Case) -> None:
    at = case.text.index("|")
    files = case.files()
    for one in complete(files, "a.rules", at):
        there = files["a.rules"][one.span.start : one.span.end]
        assert one.span.end == at
        assert (
            one.insert.strip(' "(:').lower().startswith(there.strip('" ').lower()) or f"_{there.lower()}" in one.label
        )


@pytest.mark.parametrize(
    ("text", "inserted"),
    [
        ("on birthday where tenure > 12|", " months"),
        ("on birthday where country in|", "in ("),
        ('on birthday where country = "D|', '"DE"'),
        ("on birthday where co|", "country"),
    ],
)
def test_what_is_inserted_reads_on(text: str, inserted: str) -> None:
    found = complete({CATALOG: WORDS, "a.rules": text.replace("|", "")}, "a.rules", text.index("|"))
    assert inserted in [one.insert for one in found]


def test_an_attribute_says_its_type_and_its_meaning() -> None:
    found = {one.label: one for one in complete({CATALOG: WORDS, "a.rules": "on birthday where "}, "a.rules", 18)}
    assert found["tenure"].detail == "months since started_on"
    assert found["satisfaction"].documentation == "latest survey score, 0 to 10"
    assert found["any"].documentation.startswith("At least one such event happened.")


def test_keys_of_the_catalog() -> None:
    text = "currency: USD\nmo"
    (found,) = complete({CATALOG: text}, CATALOG, len(text))
    assert (found.label, found.insert) == ("moments", "moments: ")
    assert complete({CATALOG: text + "ments:\n  "}, CATALOG, len(text) + 9) == ()


def test_variables_of_a_message() -> None:
    files = {CATALOG: WORDS, "messages/a.txt": "Hello {{ offer.n }} {{ first_n"}
    assert [one.label for one in complete(files, "messages/a.txt", 16)] == ["offer.name"]
    assert [one.label for one in complete(files, "messages/a.txt", 30)] == ["first_name"]
    assert complete(files, "messages/a.txt", 3) == ()


def test_without_a_catalog_the_language_is_still_known() -> None:
    assert [one.label for one in complete({"a.rules": "on x off"}, "a.rules", 8)] == ["offer"]


def test_every_action_and_clause_is_explained() -> None:
    assert {*ACTIONS, *CLAUSES.values()} <= KEYWORDS.keys()


# --- text that nobody would write -------------------------------------------------------------------------------------

SENTENCES = [case.text.replace("|", "") for case in cases()]
PIECES = [
    *itertools.chain.from_iterable(text.split() for text in SENTENCES),
    "\n",
    "\n\n",
    "(",
    '"',
    "\x00",
    "é",
    "🎉",
    "#",
]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.integers(0, 200), st.booleans())
def test_nothing_makes_it_fail(pieces: list[str], offset: int, glued: bool) -> None:
    text = ("" if glued else " ").join(pieces)
    files = {CATALOG: WORDS, "a.rules": text, "b.rules": "segment loyal: tenure > 12\nrule thanks on birthday tag vip"}
    for one in complete(files, "a.rules", offset):
        assert 0 <= one.span.start <= one.span.end <= len(text)
    hover(files, "a.rules", offset)
    definition(files, "a.rules", offset)
    references(files, "a.rules", offset)
    rename(files, "a.rules", offset, "other")
    for symbol in symbols(files, "a.rules"):
        assert symbol.span.start <= symbol.name_span.start <= symbol.name_span.end <= symbol.span.end
