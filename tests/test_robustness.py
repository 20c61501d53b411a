"""Monsters of up to 64 KB: nothing raises, each is explained with a place, and the work grows as the text does.

Work is counted in calls of functions, which is the same on every machine: a text of twice the size may take little
more than twice as many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from robustness import FOLDER, READERS, read_rules, tell_well

from dsl import service
from dsl.service import check
from dsl.splitter import BEGINNINGS

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
LARGEST = 64 * 1024


def filled(start: str, part: str, end: str = "") -> Callable[[int], str]:
    """A text of about so many characters."""
    return lambda size: start + part * ((size - len(start) - len(end)) // len(part)) + end


def numbered(line: Callable[[int], str]) -> Callable[[int], str]:
    """Lines that differ by their number, until there are enough characters."""

    def make(size: int) -> str:
        lines, length, at = [], 0, 0
        while length + len(text := line(at)) < size:
            lines.append(text)
            length += len(text)
            at += 1
        return "".join(lines)

    return make


RULES: dict[str, Callable[[int], str]] = {
    "nulls": filled("", "\0"),
    "lone surrogates": filled("on birthday say ", "\udcff"),
    "replacement characters": filled("on birthday say hello\n", "\ufffd"),
    "one long word": filled("on birthday say ", "x"),
    "one long number": filled("on birthday where seats > ", "9", " say hello"),
    "one long text": filled('on birthday say "', "x", '"'),
    "one long comment": filled("on birthday say hello # ", "on "),
    "open parentheses": filled("on birthday where ", "("),
    "closed parentheses": filled("on birthday where ", ")"),
    "not not not": filled("on birthday where ", "not ", "autopay say hello"),
    "minus minus minus": filled("on birthday where seats > ", "-", "1 say hello"),
    "a sum": filled("on birthday where seats > 1", " + 1", " say hello"),
    "many alternatives": filled("on birthday where autopay", " or autopay", " say hello"),
    "conjunctions of alternatives": filled("on birthday where autopay", " and (autopay or seats > 1)", " say hello"),
    "deep conditions of events": filled("on birthday where ", "count of purchase where (", "autopay"),
    "a long list": filled("on birthday where seats in (1", ", 1", ") say hello"),
    "a chain of comparisons": filled("on birthday where 1", " < 1", " say hello"),
    "many actions": filled("on birthday", " tag a"),
    "many clauses": filled("on birthday say hello", " priority 1"),
    "many moments": filled("on birthday", " or birthday", " say hello"),
    "open quotes": filled("", 'on birthday say "\n'),
    "backslashes": filled('on birthday say "', "\\"),
    "beginnings only": filled("", "on\n"),
    "misspelt beginnings": filled("", "segmnt loyal: autopay\n"),
    "misspelt words": numbered(lambda at: f"on birthdya where tenuer{at} > 1 say hello\n"),
    "markers of merges": filled("", "<<<<<<< HEAD\n"),
    "conflicts": filled("", "<<<<<<< a\non birthday say hello\n=======\non birthday tag b\n>>>>>>> b\n"),
    "one name": filled("", "rule same on birthday say hello\n"),
    "no name": filled("", "on birthday say hello\n"),
    "a circle of segments": lambda size: "".join(
        f"segment s{at}: s{(at + 1) % (size // 16)}\n" for at in range(size // 16)
    ),
    "a chain of segments": numbered(lambda at: f"segment s{at}: {f's{at - 1} and ' if at else ''}seats > {at}\n"),
    "one circle": filled("segment a: b\nsegment b: a\n", "on birthday where a say hello\n"),
    "braces in a message": filled('on birthday say "', "{{", '"'),
    "tests": filled("", 'test "t" given plan = gold on birthday expect nothing\n'),
    "facts": filled('test "t" given autopay', ", autopay", " on birthday expect nothing"),
    "arms": filled("on birthday split", " 1% tag a"),
}

CATALOGS: dict[str, Callable[[int], str]] = {
    "nulls": filled("", "\0"),
    "an alias bomb": lambda size: "a: &a [x]\n" + numbered(lambda at: f"b{at}: &b{at} [*a, *a]\n")(size),
    "anchors": filled("customer: ", "&a "),
    "one key": filled("", "currency: USD\n"),
    "keys of one table": filled("customer:\n", "  a: {type: text}\n"),
    "deep lists": filled("channels: ", "["),
    "deep tables": filled("moments: ", "{a: "),
    "nested dashes": filled("", "- "),
    "question marks": filled("", "? "),
    "an open quotation mark": filled('currency: "', "x"),
    "tabs": filled("customer:\n", "\t"),
    "documents": filled("", "---\n"),
    "tags": filled("currency: ", "!!python/object:os.system "),
    "merge keys": filled("", "<<: {a: b}\n"),
    "merge conflicts": filled("", "<<<<<<< HEAD\ncurrency: USD\n=======\ncurrency: EUR\n>>>>>>> b\n"),
    "wrong types": numbered(lambda at: f"{'customer:' if not at else ''}\n  a{at}: {{type: txet}}"),
    "moments of unknown dates": numbered(lambda at: f"{'moments:' if not at else ''}\n  a{at}: {{date: renws_on}}"),
}

MESSAGES: dict[str, Callable[[int], str]] = {
    "nulls": filled("", "\0"),
    "open braces": filled("", "{{"),
    "open tags": filled("", "{%"),
    "deep conditions": filled("", "{% if a %}"),
    "deep loops": filled("", "{% for i in (1..9) %}"),
    "an endless loop": filled("{% for i in (1..1000000000) %}", "x", "{% endfor %}"),
    "many filters": filled("{{ first_name ", "| append: first_name ", "}}"),
    "growing text": filled("{% assign a = 'x' %}", "{% capture a %}{{ a }}{{ a }}{% endcapture %}"),
    "deep brackets": filled("{{ ", "a[", "}}"),
    "a long path": filled("{{ a", ".b", " }}"),
    "ends only": filled("", "{% endif %}"),
    "an open front matter": filled("---\nsubject: ", "x"),
    "front matter of dashes": filled("---\n", "- ", "\n---\n"),
    "unknown variables": numbered(lambda at: f"{{{{ frist_name{at} }}}}\n"),
}

MONSTERS = [
    pytest.param(READERS[kind], make, id=f"{kind}: {name}")
    for kind, monsters in (("rules", RULES), ("catalog", CATALOGS), ("message", MESSAGES))
    for name, make in monsters.items()
]


def work(read: Callable[[str], object], text: str) -> int:
    """Calls of functions while a text is read for the first time."""
    service.forget()
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(("read", "make"), MONSTERS)
def test_a_monster_is_read_with_work_in_proportion(read: Callable[[str], object], make: Callable[[int], str]) -> None:
    small, large = (work(read, make(size)) for size in (LARGEST // 16, LARGEST // 8))
    assert large <= 2.5 * small + 20_000
    read(make(LARGEST))


# --- the saved corpus ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    sorted(path for path in CORPUS.rglob("*") if path.is_file()),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_what_the_fuzzer_once_found_stays_mended(path: Path) -> None:
    READERS[path.parent.name](path.read_bytes().decode("utf-8", "replace"))


def test_the_fuzzer_searches_every_reader_of_the_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} == READERS.keys()


# --- beyond 64 KB ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["x" * 1_000_000, "on birthday say hello " * 50_000, "(" * 1_000_000, '"' * 1_000_000])
def test_a_line_of_a_megabyte_is_one_mistake(line: str) -> None:
    checked = read_rules(line)
    assert len([one for one in checked.diagnostics if one.is_error]) == 1


def test_good_neighbours_of_every_monster_are_loaded() -> None:
    """What begins no declaration belongs to the one above it, and breaks it."""
    good = "rule first on birthday say hello via email\n"
    for name, make in RULES.items():
        monster = make(2_000)
        text = f"{good}\n{monster}\n\nrule final on renewal say hello via email\n"
        checked = check({**FOLDER, "a.rules": text})
        tell_well(checked.diagnostics)
        assert checked.ruleset is not None
        expected = {"first", "final"} if monster.startswith(BEGINNINGS) else {"final"}
        assert expected <= {rule.name for rule in checked.ruleset.rules}, name
