"""The batch form where it changes its ways: many points, wide spans, many classes, several blocks, several pieces."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl import typed
from dsl.typed import All, Relation
from engine.matching import batch as batches
from engine.matching import questions, read_out
from engine.matching.named_codes import GROUP, Lists
from engine.matching.number_codes import (
    FEW_POINTS,
    MOST_COMPARED,
    WIDEST_TABLE,
    narrowest,
    placing,
    placing_floats,
    placing_halves,
)
from engine.matching.plan import Plan, compile_plan
from engine.matching.slices import compare, sliced
from tests.bench.made_up import PAGE, SEATS, TODAY, batch, rows, rules
from tests.strategies import rule

COUNTS = st.sampled_from((1, FEW_POINTS, FEW_POINTS + 1, MOST_COMPARED, MOST_COMPARED + 1, 300))
SPANS = st.sampled_from((400, WIDEST_TABLE - 1, WIDEST_TABLE + 1, 10**12))


@settings(deadline=None)
@given(COUNTS, SPANS, st.integers(0, 2**32))
def test_whole_numbers_are_placed_as_by_bisection(count: int, span: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = sorted({int(point) for point in rng.integers(-span // 2, span // 2, count)} | {-(2**63), 2**63})
    values = np.concatenate([rng.integers(-span, span, 50), points[1:-1], [-(2**63), 2**63 - 1]]).astype(np.int64)
    assert placing(points, values.dtype)(values).tolist() == [
        1 + bisect_right(points, value) for value in values.tolist()
    ]


@settings(deadline=None)
@given(COUNTS, st.integers(0, 2**32))
def test_floats_are_placed_as_by_bisection(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = sorted({0.0, *rng.normal(size=count).tolist()})
    values = [*rng.normal(size=50).tolist(), *points, -0.0, 5e-324, -5e-324]
    found = placing_floats(points)(np.array(values))
    assert found.tolist() == [1 + bisect_right(points, value) for value in values]


@pytest.mark.parametrize("widest", [2**62, 2**100])
def test_amounts_of_128_bits_are_placed_as_by_bisection(widest: int) -> None:
    points = [-(2**90), -1, 0, 5, 2**63, 2**90]
    values = [-widest, -2, -1, 0, 4, 5, 6, 2**62, widest]
    both = np.array([[(value + 2**63) % 2**64 - 2**63, value >> 64] for value in values], np.int64)
    assert placing_halves(points)(both).tolist() == [1 + bisect_right(points, value) for value in values]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 700), st.integers(1, 200), st.booleans(), st.integers(0, 2**32))
def test_classes_are_taken_apart_as_by_comparing(classes: int, size: int, ordered: bool, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, classes, size).astype(narrowest(classes - 2))
    expected = codes >= np.arange(classes)[:, None] if ordered else codes == np.arange(classes)[:, None]
    every = np.zeros((1, 4), np.uint64)
    compare(np.zeros(size, np.uint8), every, ordered=True)
    for fill in (
        lambda into: compare(codes, into, ordered=ordered),
        lambda into: sliced(codes, into, every[0], ordered=ordered),
    ):
        into = np.full((classes, 4), 2**64 - 1, np.uint64)
        into[:, size // 64 :] = 0
        fill(into)
        bits = np.unpackbits(into.view(np.uint8), axis=1, bitorder="little")
        assert np.array_equal(bits[:, :size].astype(bool), expected)
        assert not bits[:, size:].any()


def test_elements_beyond_one_octet_are_told_apart() -> None:
    elements = [f"e{number}" for number in range(2 * GROUP + 3)]
    lists = [None, [], ["other"], elements, *([one, "other", one] for one in elements), None, elements[::3]]
    for kind in (pa.list_(pa.string()), pa.list_(pa.dictionary(pa.int32(), pa.string()))):
        column = Lists(pa.chunked_array([pa.array(lists[:5], kind), pa.array(lists[5:], kind)]), elements)
        for one in elements:
            found = np.concatenate([column.coding(one)(0, 7), column.coding(one)(7, len(lists))])
            assert found.tolist() == [0 if some is None else 1 + (one in some) for some in lists]


def found_pairs(plan: Plan, table: pa.Table) -> list[tuple[int, int]]:
    found = plan.match_batch(table, TODAY)
    return list(zip(found["row"].to_pylist(), found["rule"].to_pylist(), strict=True))


def test_matches_are_sorted_whatever_the_blocks_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "block_size", lambda *_: 128)
    monkeypatch.setattr(read_out, "PAIRS_AT_ONCE", 100)
    plan, table = compile_plan(rules(300)), batch(500)
    expected = [(number, rule) for number, row in enumerate(rows(plan, table)) for rule in plan.match_row(row, TODAY)]
    assert found_pairs(plan, table) == expected
    assert len(expected) > 1000
    counted = plan.count_batch(table, TODAY)
    assert counted.tolist() == np.bincount([rule for _, rule in expected], minlength=300).tolist()


@pytest.mark.parametrize("size", [0, 65, 4097])
def test_a_batch_of_any_size_and_rules_of_any_number(size: int) -> None:
    table = batch(size)
    for some in (rules(30), [], [rule(typed.AnyOf(()))]):
        plan = compile_plan(some)
        expected = [
            (number, found) for number, row in enumerate(rows(plan, table)) for found in plan.match_row(row, TODAY)
        ]
        assert found_pairs(plan, table) == expected
        counted = np.bincount(np.array([found for _, found in expected], int), minlength=len(some))
        assert plan.count_batch(table, TODAY).tolist() == counted.tolist()


# --- what costs something to find is asked of few ---------------------------------------------------------------------


def test_patterns_and_clauses_are_asked_once_and_only_of_rows_that_still_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many texts, too; and of what is asked, the cheaper first, whose answers leave fewer rows to the other."""
    size = 40_000
    tried: list[str] = []
    given: list[int] = []
    pages = [f"/p{number}" for number in range(size)]
    seats = np.arange(size) % 50
    table = pa.table({PAGE.key: pages, SEATS.key: seats})
    meaning, said = questions.OPERATORS["ends_with"].meaning, questions.verdicts

    class Told:
        def meaning(self, text: str, operands: tuple[str, ...], today: object) -> bool:
            tried.append(text)
            return meaning(text, operands, TODAY)

    def verdicts(near: pa.Table, clause: object, points: object, chosen: np.ndarray, today: object) -> np.ndarray:
        given.append(len(chosen))
        return said(near, clause, points, chosen, today)  # type: ignore[arg-type]

    monkeypatch.setattr(questions, "OPERATORS", {"ends_with": Told()})
    monkeypatch.setattr(questions, "verdicts", verdicts)
    few, pattern = typed.Test("equal", SEATS, (3,)), typed.Test("ends_with", PAGE, ("53",))
    clause = Relation("equal", SEATS, SEATS)
    plan = Plan([All((few, pattern, clause)), All((clause, pattern, few, typed.Test("greater", SEATS, (1,))))])
    expected = [(row, rule) for row in np.flatnonzero((seats == 3) & (np.arange(size) % 100 == 53)) for rule in (0, 1)]
    assert found_pairs(plan, table) == expected
    assert sorted(tried) == sorted(page for page, count in zip(pages, seats, strict=True) if count == 3)
    assert sum(given) == len(expected) // 2
