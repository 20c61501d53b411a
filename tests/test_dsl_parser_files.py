"""A file is cut into declarations, and a broken one never hides its neighbours."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.builder import MAX_LIST
from dsl.parser import MAX_DECLARATION, MAX_NESTING, parse
from dsl.source import Source
from dsl.splitter import split


def begins(text: str) -> list[str]:
    """The first line of each declaration."""
    return [text[chunk.span.start : chunk.span.end].split("\n")[0].strip() for chunk in split(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n# only a comment\n\n", []),
        ("on a say x\non b say y", ["on a say x", "on b say y"]),
        ("  ON a\n\tsay x\n  On b say y", ["ON a", "On b say y"]),
        ("rule a\n  on b\n  say x\non c say y", ["rule a", "on c say y"]),
        ("rule a was b # on\n  # on z\n\n  on b\n  say x\n  on c say y", ["rule a was b # on", "on c say y"]),
        ('rule a "switch\n  on b say x\non c say y', ['rule a "switch', "on c say y"]),
        ('rule a "turn on where"\non b say x\non c say y', ['rule a "turn on where"', "on c say y"]),
        ("rule a on b say x\non c say y", ["rule a on b say x", "on c say y"]),
        ("rule a\n  where x\n  say y\non c say y", ["rule a", "on c say y"]),
        ("rule a\nrule b\non c say y", ["rule a", "rule b"]),
        ("segment s: a\n  or b\non c say y", ["segment s: a", "on c say y"]),
        ("segment s: started\non 2025-01-01", ["segment s: started", "on 2025-01-01"]),
        ('test "on"\n  given a = 1\n  on b\n  expect nothing\non c say y', ['test "on"', "on c say y"]),
        ('test "t"\n  given a = 1\n  expect nothing\non c say y', ['test "t"', "on c say y"]),
        ('test "t"\non c say y', ['test "t"', "on c say y"]),
        ("on a say x\nonce\nrules\nsegment_of\ntests", ["on a say x"]),
        ("nonsense\nmore\non a say x", ["nonsense", "on a say x"]),
        ("on a say x\nsegmnt s: b\non c say y", ["on a say x", "segmnt s: b", "on c say y"]),
        ("on a say x\nruel b\n on c say y", ["on a say x", "ruel b", "on c say y"]),
        ("on a say x\n  segmnt s: b", ["on a say x"]),
        ("\ufeffon a say x", ["on a say x"]),
        ("on a say x\r\n\r\non b say y\r\n", ["on a say x", "on b say y"]),
    ],
)
def test_where_declarations_begin(text: str, expected: list[str]) -> None:
    assert begins(text) == expected


def test_comments_and_blank_lines_between_declarations_belong_to_none() -> None:
    text = "# one\non a\n  # inside\n  say x\n\n# two\non b say y\n# three\n"
    assert [text[chunk.span.start : chunk.span.end] for chunk in split(text)] == [
        "on a\n  # inside\n  say x",
        "on b say y",
    ]


GOOD = ["rule first on birthday say hello", "rule final on birthday say hello"]


def around(broken: str) -> tuple[list[str], list[str]]:
    """The names of the good rules, and the codes found, with a broken declaration between two good ones."""
    parsed = parse(Source("r", f"{GOOD[0]}\n\n{broken}\n\n{GOOD[1]}\n"))
    return [rule.name.text for rule in parsed.file.rules if rule.name], [found.code for found in parsed.diagnostics]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("on birthday wher x say y", "unknown-keyword"),
        ('on birthday say "x', "unclosed-quote"),
        ("on birthday where ((((", "missing-condition"),
        ("rule", "missing-name"),
        ("segmnt loyal: tenure > 5", "unknown-beginning"),
        ('tets "x" given a = 1 on b expect nothing', "unknown-beginning"),
        ("when birthday say x", "unknown-beginning"),
        ("on birthday say x\n=======", "merge-conflict"),
        ("<<<<<<< HEAD\non birthday say a\n=======\non birthday say b\n>>>>>>> branch", "merge-conflict"),
        (
            "on birthday\n<<<<<<< HEAD\n  say a\n||||||| base\n=======\n  say b\n>>>>>>> branch\n  via email",
            "merge-conflict",
        ),
        ("<<<<<<< HEAD\non birthday say a", "merge-conflict"),
        ("on birthday say " + "x" * MAX_DECLARATION, "declaration-too-long"),
        ("on birthday where " + "not " * (MAX_NESTING + 5) + "a say x", "nested-too-deeply"),
        ("on birthday where " + "1 + " * (MAX_NESTING + 5) + "1 > 2 say x", "nested-too-deeply"),
        ("on birthday where " + "count of e where (" * 45 + "a" + ") > 1" * 45 + " say x", "nested-too-deeply"),
        ("on birthday where a in (" + "1, " * MAX_LIST + "1) say x", "list-too-long"),
        ("on birthday say \0\x01\x02", "unexpected-character"),
    ],
)
def test_a_broken_declaration_is_one_diagnostic_and_hides_nothing(broken: str, code: str) -> None:
    assert around(broken) == (["first", "final"], [code])


def test_a_conflict_inside_a_rule_takes_that_rule_only() -> None:
    text = f"{GOOD[0]}\n<<<<<<< HEAD\n  via email\n=======\n  via in_app\n>>>>>>> branch\n{GOOD[1]}\n"
    parsed = parse(Source("r", text))
    assert [rule.name.text for rule in parsed.file.rules if rule.name] == ["final"]
    assert [(found.code, found.source.slice(found.span)) for found in parsed.diagnostics] == [
        ("merge-conflict", "<<<<<<< HEAD")
    ]


def test_what_is_within_the_limits_is_read() -> None:
    for sentence in (
        "on birthday where " + "not " * MAX_NESTING + "a say x",
        "on birthday where " + "(" * 3_000 + "a" + ")" * 3_000 + " say x",
        "on birthday where a in (" + "1, " * (MAX_LIST - 1) + "1) say x",
        "on birthday where " + "a or " * 3_000 + "a say x",
        'on birthday say "' + "x" * (MAX_DECLARATION - 20) + '"',
    ):
        assert parse(Source("r", sentence)).diagnostics == ()


def test_the_order_of_the_file_is_kept() -> None:
    parsed = parse(Source("r", "on b say x\nsegment s: a\nzzz\non\non c say y\nrule\nrule d on e say z\n"))
    assert [type(one).__name__ for one in parsed.file.declarations] == ["Rule", "Rule", "Rule"]
    starts = [found.span.start for found in parsed.diagnostics]
    assert starts == sorted(starts)
    assert [found.code for found in parsed.diagnostics] == ["does-not-fit", "missing-moment", "missing-name"]


def test_threads_do_not_mix_their_files() -> None:
    """Spans are kept by thread: each thread's file has its declaration at another offset."""
    wrong: list[str] = []

    def work(shift: int) -> None:
        for _ in range(30):
            source = Source("r", "\n" * shift + f"on birthday where a = {shift} say hello")
            (rule,) = parse(source).file.rules
            if source.slice(rule.condition.right.span) != str(shift):  # type: ignore[union-attr]
                wrong.append(source.text)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(1, 200, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    parsed = parse(Source("r", text))
    for found in parsed.diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(text)
        found.render()
    assert len(parsed.diagnostics) + len(parsed.file.declarations) == len(list(split(text)))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    parse(Source("r", data.decode("latin-1")))
    parse(Source("r", data.decode("utf-8", "surrogateescape")))
