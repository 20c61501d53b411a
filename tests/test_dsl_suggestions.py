"""Did you mean: near words are proposed, far ones are not."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.suggestions import closest, hint, listed, slips

words = st.text(alphabet="abc", max_size=7)


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("billing_anniversry", ["birthday", "billing_anniversary"], "billing_anniversary"),
        ("tenur", ["tenure", "seats"], "tenure"),
        ("premuim", ["premium", "family"], "premium"),
        ("Plan", ["plan"], "plan"),
        ("helo", ["hello", "help"], "hello"),
        ("carrier_pigeon", ["email", "in_app"], None),
        ("Germany", ["US", "DE"], None),
        ("x", [], None),
    ],
)
def test_the_nearest_word(word: str, known: list[str], near: str | None) -> None:
    assert closest(word, known) == near


def test_a_short_list_is_told_where_nothing_is_near() -> None:
    assert hint("pigeon", ["email", "in_app"]) == "one of: email, in_app"
    assert hint("pigeon", [f"word{n}" for n in range(20)]) is None


def test_lists_read_as_english() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")] == ["a", "a and b", "a, b or c"]


@given(words, words)
def test_slips_are_the_fewest(left: str, right: str) -> None:
    @cache
    def fewest(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        swapped = i > 1 and j > 1 and left[i - 2 : i] == right[j - 2 : j][::-1]
        return min(
            fewest(i - 1, j) + 1,
            fewest(i, j - 1) + 1,
            fewest(i - 1, j - 1) + (left[i - 1] != right[j - 1]),
            *([fewest(i - 2, j - 2) + 1] if swapped else []),
        )

    assert slips(left, right) == fewest(len(left), len(right))
