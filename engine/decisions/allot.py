"""Allot: what is global (budgets, volume) is given out in one ordered pass after every customer was decided.

Nothing is limited globally yet, so every winner keeps what it won; the room is here so that the street is whole.
"""

from __future__ import annotations

from engine.decisions.decide import Decided


def allot(decided: Decided) -> Decided:
    """The candidates with global limits applied: in order of value, then id."""
    return decided
