"""The formatter: one layout, nothing lost, nothing changed, and the second time nothing to do."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import CATALOG

from dsl.files import read_folder_catalog
from dsl.formatter import format_declaration, format_source
from dsl.layout import WIDTH
from dsl.parser import parse
from dsl.service import check
from dsl.source import Source
from dsl.splitter import split

GOLDEN = Path(__file__).parent / "golden"
RULES = Path(__file__).parents[1] / "rules"
LANGUAGE = Path(__file__).parents[2] / "shared" / "language"
SENTENCES = (GOLDEN / "sentences.rules").read_text()
LAYOUT = (GOLDEN / "layout.rules").read_text()
WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|at\s+most|[\w.$%-]+|<=|>=|!=|\S')
COMMENTS = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|(#[^\n]*)')

catalog = read_folder_catalog({"catalog.yaml": CATALOG}).catalog
assert catalog is not None


def formatted(text: str, *, with_catalog: bool = False) -> str:
    return format_source(Source("a.rules", text), catalog if with_catalog else None)


def comments(text: str) -> Counter[str]:
    return Counter(match[1].rstrip() for match in COMMENTS.finditer(text) if match[1])


# --- the layout -------------------------------------------------------------------------------------------------------


def test_the_layout_is_the_golden_one() -> None:
    """Each paragraph pair in the golden file: as somebody wrote it, `-->`, as it is formatted."""
    for pair in re.split(r"^={10}\n", LAYOUT, flags=re.M):
        written, _, expected = pair.partition("-->\n")
        assert formatted(written, with_catalog=True) == expected
        assert formatted(expected, with_catalog=True) == expected


def test_units_are_left_alone_without_a_catalog() -> None:
    assert formatted("on renewal where tenure>12 offer premium") == "on renewal where tenure > 12 offer premium\n"


def test_quotes_stay_where_the_grammar_needs_them() -> None:
    text = 'segment s: payment_method = "card" and page = "card" and status in ("active", "x y") and plan = "basic"'
    kept = 'segment s: payment_method = card and page = "card" and status in (active, "x y") and plan = basic\n'
    assert formatted(text, with_catalog=True) == kept
    assert formatted(text) == text + "\n"


def test_a_file_ends_with_one_line_end() -> None:
    assert formatted("") == ""
    assert formatted("\n \n\n") == ""
    assert formatted("\n\n# only a comment") == "# only a comment\n"
    assert formatted("\ufeffon birthday say hello\r\n\r\n\r\n") == "on birthday say hello\n"


def test_one_declaration_alone() -> None:
    source = Source("a.rules", "on birthday say hi\n\nON  renewal\nWHERE tenure>1 say hi # why\n")
    second = parse(source).file.rules[1]
    assert format_declaration(source, second, catalog) == "on renewal where tenure > 1 month say hi"


BROKEN = "  rule  broken\n   on birthday   where\n\n  # nothing\n  and"


def test_a_broken_declaration_stays_as_it_is() -> None:
    text = f"on birthday\n say   hi\n\n\n{BROKEN}\n\n\non  renewal say hi\n"
    assert formatted(text) == f"on birthday say hi\n\n{BROKEN}\n\non renewal say hi\n"


def test_a_line_never_begins_a_declaration_by_accident() -> None:
    text = 'test "t" given status = on, plan = basic on birthday expect nothing'
    assert parse(Source("a.rules", formatted(text))).file == parse(Source("a.rules", text)).file
    long = f"segment s: status in ({', '.join(['rule', 'on', 'test', 'segment'] * 30)})"
    assert parse(Source("a.rules", formatted(long))).file == parse(Source("a.rules", long)).file


def test_long_lists_are_filled() -> None:
    text = formatted(f"segment s: country in ({', '.join(['US', 'DE'] * 100)})")
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert len(text.splitlines()) < 15


@pytest.mark.parametrize("path", sorted(RULES.glob("*.rules")), ids=lambda path: path.name)
def test_the_example_rules_keep_their_meaning(path: Path) -> None:
    files = {each.relative_to(RULES).as_posix(): each.read_text() for each in RULES.rglob("*.*")}
    known = read_folder_catalog(files).catalog
    source = Source(path.name, files[path.name])
    text = format_source(source, known)
    before, after = check(files), check({**files, path.name: text})
    assert before.ruleset is not None
    assert after.ruleset is not None
    assert after.ruleset.rules == before.ruleset.rules
    assert after.ruleset.segments == before.ruleset.segments
    assert [one.code for one in after.diagnostics] == [one.code for one in before.diagnostics]
    assert format_source(Source(path.name, text), known) == text


@pytest.mark.skipif(not LANGUAGE.is_dir(), reason="the specification is not beside this clone")
@pytest.mark.parametrize("name", ["accept.rules", "reject.rules"])
def test_the_specification_s_sentences_keep_their_meaning(name: str) -> None:
    files = {path.relative_to(LANGUAGE).as_posix(): path.read_text() for path in LANGUAGE.rglob("*.*")}
    files = {path: text for path, text in files.items() if path == name or not path.endswith(".rules")}
    text = format_source(Source(name, files[name]), read_folder_catalog(files).catalog)
    before, after = check(files), check({**files, name: text})
    assert before.ruleset is not None
    assert after.ruleset is not None
    assert after.ruleset.rules == before.ruleset.rules
    assert after.ruleset.segments == before.ruleset.segments
    assert [one.code for one in after.diagnostics] == [one.code for one in before.diagnostics]
    assert comments(text) == comments(files[name])


# --- random layouts ---------------------------------------------------------------------------------------------------

SPACES = st.sampled_from(
    [" ", "  ", "\n", "\n\n", "\n\n\n", "\t", "\n    ", " # a comment\n", "\n# one\n\n  # two\n", ""]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Some of the golden sentences with other spaces, comments and capitals; now and then a word is gone."""
    written = []
    for chunk in draw(st.lists(st.sampled_from(list(split(SENTENCES))), min_size=1, max_size=3)):
        words = WORDS.findall(SENTENCES[chunk.span.start : chunk.span.end])
        words = [word for word in words if not word.startswith("#")]
        if draw(st.integers(0, 9)) == 0:
            del words[draw(st.integers(0, len(words) - 1))]
        places = draw(st.sets(st.integers(0, len(words) - 1), max_size=6))
        for place in places:
            words[place] += draw(SPACES)
        written.append(
            " ".join(words) + draw(st.sampled_from(["\n", "\n\n", " # last\n", "\n  # below\n", "\n\n\n#\n"]))
        )
    return draw(st.sampled_from(["", "\n", "# first\n", " \n\n# first\n\n"])) + "".join(written)


@settings(max_examples=300, deadline=None)
@given(texts())
def test_formatting_keeps_meaning_and_comments_and_is_done_at_once(text: str) -> None:
    once = formatted(text)
    assert parse(Source("a.rules", once)).file == parse(Source("a.rules", text)).file
    assert comments(once) == comments(text)
    assert formatted(once) == once
    assert "\n\n\n" not in once or parse(Source("a.rules", text)).diagnostics


@settings(max_examples=150, deadline=None)
@given(texts())
def test_with_a_catalog_the_rules_mean_the_same(text: str) -> None:
    once = formatted(text, with_catalog=True)
    before, after = (check({"catalog.yaml": CATALOG, "a.rules": each}) for each in (text, once))
    assert before.ruleset is not None
    assert after.ruleset is not None
    assert after.ruleset.rules == before.ruleset.rules
    assert after.ruleset.segments == before.ruleset.segments
    assert [one.code for one in after.diagnostics] == [one.code for one in before.diagnostics]
    assert formatted(once, with_catalog=True) == once


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from('on rule where and "#\n\r\t()<>=,:\x00\ufeff\u2028birthday say hi 1.%$'), max_size=80
    )
)
def test_any_text_at_all_is_formatted(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert parse(Source("a.rules", once)).file == parse(Source("a.rules", text.replace("\r\n", "\n"))).file
