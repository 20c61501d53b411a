"""A process that is killed while it answers: what it answered is there (`make torture` does it for longer)."""

from __future__ import annotations

from pathlib import Path

from tests.torture.answers import torture


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    found = torture(tmp_path, kills=1, seed=1)
    assert found["answers"] >= 2
    assert found["events"] >= found["answers"]
