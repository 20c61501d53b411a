"""Masks: what is done to many bits at once is what a loop would do to each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.matching.masks import FirstOfRun, bits_of, mask_of


@given(st.lists(st.integers(1, 40), max_size=12), st.sets(st.integers(0, 479), max_size=80))
def test_of_each_run_the_lowest_set_bit_is_kept(lengths: list[int], some: set[int]) -> None:
    runs = [run for run, length in enumerate(lengths) for _ in range(length)]
    lowest: dict[int, int] = {}
    for number in sorted(some & set(range(len(runs)))):
        lowest.setdefault(runs[number], number)
    found = FirstOfRun(runs).of(mask_of(some & set(range(len(runs)))))
    assert list(bits_of(found)) == list(lowest.values())
