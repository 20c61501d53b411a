"""Two real schedulers that are killed, stopped and robbed of their database (`make torture` does it for longer)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.schedulers import opened, torment


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_nothing_is_repeated_and_nothing_lost_under_blows(kind: str, tmp_path: Path):
    with opened(kind, tmp_path) as database:
        figures = torment(database, tmp_path, seconds=12, seed=1, size=600)
    assert figures["killed at random"] > 0
    assert figures["met for certain"] > 500
