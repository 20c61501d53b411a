"""A pass that is killed again and again leaves what an undisturbed one leaves (`make torture` does it for longer)."""

from __future__ import annotations

from pathlib import Path

from tests.torture.kills import torture


def test_kills_leave_no_trace(tmp_path: Path):
    found = torture(tmp_path, kills=3, seed=1, size=1_000)
    assert found["kills"] >= 3
