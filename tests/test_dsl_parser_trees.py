"""What sentences mean: the trees of tests/golden/*.tree, each node with the text it stands for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from dsl.parser import parse
from dsl.source import Source

GOLDEN = Path(__file__).parent / "golden"
SHARED = Path(__file__).parents[2] / "shared" / "language"


def outline(source: Source, node: object, name: str = "", depth: int = 0) -> Iterator[str]:
    """One line a node: its field, its kind, its plain values, and the text that its span covers."""
    indent = "  " * depth + (f"{name}: " if name else "")
    plain = [(field.name, getattr(node, field.name)) for field in fields(node) if field.compare]  # type: ignore[arg-type]
    values = "".join(
        f" {key}={value}" for key, value in plain if not _is_tree(value) and value not in (None, (), False)
    )
    yield f"{indent}{type(node).__name__}{values}  «{' '.join(source.slice(node.span).split())}»"  # type: ignore[attr-defined]
    for key, value in plain:
        if is_dataclass(value):
            yield from outline(source, value, key, depth + 1)
        elif isinstance(value, tuple):
            for item in value:
                yield from outline(source, item, key, depth + 1)


def _is_tree(value: object) -> bool:
    return is_dataclass(value) or (isinstance(value, tuple) and len(value) > 0)


def trees(source: Source) -> str:
    parsed = parse(source)
    assert [found.render() for found in parsed.diagnostics] == []
    return "\n\n".join("\n".join(outline(source, one)) for one in parsed.file.declarations) + "\n"


def test_every_construction_has_its_tree() -> None:
    source = Source("sentences.rules", (GOLDEN / "sentences.rules").read_text())
    assert trees(source) == (GOLDEN / "sentences.tree").read_text()


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/language")
def test_the_accepted_sentences_have_their_trees() -> None:
    source = Source("accept.rules", (SHARED / "accept.rules").read_text())
    assert trees(source) == (GOLDEN / "accept.tree").read_text()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("on b where x is in (a) say t", "on b where x in (a) say t"),
        ("on b where x is not between 1 and 2 say t", "on b where x not between 1 and 2 say t"),
        ("on b where x is not known say t", "on b where x is missing say t"),
        ("on b where x is not a say t", "on b where x != a say t"),
        ("on b where count of e in the last 3 days > 1 say t", "on b where count of e in last 3 days > 1 say t"),
        (
            "on b where count of e in last 3 days where (p) > 1 say t",
            "on b where count of e where (p) in last 3 days > 1 say t",
        ),
        ("on b where ((x)) = (((1))) say t", "on b where x = 1 say t"),
        ("on b where (x = 1 and (y = 2)) say t", "on b where x = 1 and y = 2 say t"),
        ("on b where x is more than 3 days ago say t", "on b where x more than 3 days ago say t"),
        ("on b where x > 1 month say t", "ON B\n\tWHERE\u00a0X\r\n>1months # why\r\nSAY T"),
        ("on b where x > $5.00 say t", "on b where x > $ 5.00 say t"),
        ("on b where x = 240 EUR say t", "on b where x = 240eur say t"),
        ("on b offer a at 20% off say t", "on b offer a at 20 % off say t"),
        ("on b say t from 2026-01-01 until 2026-02-01", "on b say t from 2026-01-01 until 2026-02-01 # always"),
        ('on b where x = "e\u0301" say t', 'on b where x = "\u00e9" say t'),
    ],
)
def test_two_ways_to_say_the_same(one: str, other: str) -> None:
    left, right = parse(Source("one", one)), parse(Source("other", other))
    assert left.diagnostics == right.diagnostics == ()
    assert left.file == right.file


def test_different_sentences_have_different_trees() -> None:
    source = Source("sentences.rules", (GOLDEN / "sentences.rules").read_text())
    declarations = parse(source).file.declarations
    equal = [
        pair
        for pair in itertools.combinations(range(len(declarations)), 2)
        if len({declarations[i] for i in pair}) == 1
    ]
    assert equal == [(0, 1)]  # which differ in capital letters only


def test_a_name_keeps_its_spelling() -> None:
    (rule,) = parse(Source("r", "on b where Country = DE say t")).file.rules
    assert [(name.text, name.written) for name in (rule.condition.left, rule.condition.right)] == [  # type: ignore[union-attr]
        ("country", "Country"),
        ("de", "DE"),
    ]
