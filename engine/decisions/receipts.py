"""Receipts: why a decision is what it is, clause by clause, with the values read at the time.

Personal values are masked before they are written. The body is one JSON document:
`clauses` [[text, value, verdict, depth]], `candidates` of the occasion [[rule, priority, result, reason, detail]].
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from dsl.typed import Rule
from engine.matching.interpreter import clauses
from engine.privacy import Row, masked

Candidate = tuple[str, int, str, str | None, str | None]
"""rule, priority, result, reason, detail"""


def receipt(
    rule: Rule, row: Row, day: dt.date, candidates: Sequence[Candidate], personal: frozenset[str]
) -> dict[str, Any]:
    """The receipt of one decision, ready to be stored."""
    return {
        "clauses": [
            [each.text, masked(each.key, each.value, personal) if each.key else None, each.verdict, each.depth]
            for each in clauses(rule.condition, row, day)
        ],
        "candidates": [list(each) for each in candidates],
    }
