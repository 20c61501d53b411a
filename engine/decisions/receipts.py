"""Receipts: why a decision is what it is, clause by clause, with the values read at the time.

Personal values are masked before they are written. The body is one JSON document:
`clauses` [[text, value, verdict, depth]], `candidates` of the occasion [[rule, priority, result, reason, detail]].
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from dsl.typed import Rule
from engine.matching.interpreter import Clause, clauses
from engine.privacy import MASK, Row, shown

Candidate = tuple[str, int, str, str | None, str | None]
"""rule, priority, result, reason, detail"""


def receipt(
    rule: Rule, row: Row, day: dt.date, candidates: Sequence[Candidate], personal: frozenset[str]
) -> dict[str, Any]:
    """The receipt of one decision, ready to be stored."""
    return {
        "clauses": [
            [each.text, told(each, personal), each.verdict, each.depth] for each in clauses(rule.condition, row, day)
        ],
        "candidates": [list(each) for each in candidates],
    }


def told(clause: Clause, personal: frozenset[str]) -> str | None:
    """What a clause read, for people; None for a connective. Personal values are masked where there is something."""
    if not clause.reads:
        return None
    if personal.intersection(clause.keys) and any(value is not None for value in clause.reads):
        return MASK
    return " and ".join(shown(value) for value in clause.reads)
