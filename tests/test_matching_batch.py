"""The batch form where it changes its ways: many points, wide spans, several blocks, several pieces of a block."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.matching import batch as batches
from engine.matching.number_codes import FEW_POINTS, MOST_COMPARED, WIDEST_TABLE, floats, place
from engine.matching.plan import compile_plan
from tests.bench.made_up import TODAY, batch, rows, rules

COUNTS = st.sampled_from((1, FEW_POINTS, FEW_POINTS + 1, MOST_COMPARED, MOST_COMPARED + 1, 300))
SPANS = st.sampled_from((400, WIDEST_TABLE - 1, WIDEST_TABLE + 1, 10**12))


@settings(deadline=None)
@given(COUNTS, SPANS, st.integers(0, 2**32))
def test_whole_numbers_are_placed_as_by_bisection(count: int, span: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = sorted({int(point) for point in rng.integers(-span // 2, span // 2, count)} | {-(2**63), 2**63})
    values = np.concatenate([rng.integers(-span, span, 50), points[1:-1], [-(2**63), 2**63 - 1]]).astype(np.int64)
    assert place(values, points).tolist() == [1 + bisect_right(points, value) for value in values.tolist()]


@settings(deadline=None)
@given(COUNTS, st.integers(0, 2**32))
def test_floats_are_placed_as_by_bisection(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = sorted({0.0, *rng.normal(size=count).tolist()})
    values = [*rng.normal(size=50).tolist(), *points, -0.0, 5e-324, -5e-324, None]
    expected = [0 if value is None else 1 + bisect_right(points, value) for value in values]
    assert floats(pa.chunked_array([values[:20], values[20:]], pa.float64()), points).tolist() == expected


def test_matches_are_sorted_whatever_the_blocks_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BLOCK", 128)
    monkeypatch.setattr(batches, "PAIRS_AT_ONCE", 100)
    plan, table = compile_plan(rules(300)), batch(500)
    expected = [(number, rule) for number, row in enumerate(rows(plan, table)) for rule in plan.match_row(row, TODAY)]
    found = plan.match_batch(table, TODAY)
    assert list(zip(found["row"].to_pylist(), found["rule"].to_pylist(), strict=True)) == expected
    assert len(expected) > 1000
