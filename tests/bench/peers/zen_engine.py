"""zen-engine (Rust): all rules as one expression, a list of truths, compiled once. Its best case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count
from typing import Any

import zen

from tests.bench.peers.infix import Spelling, one_of
from tests.bench.plain import Event, Plain

ZEN = Spelling(
    "and",
    "or",
    "true",
    "false",
    {
        "in": lambda field, values: f"{field} in [{one_of(values)}]",
        "has": lambda field, value: f"'{value}' in {field}",
        "starts": lambda field, value: f"startsWith({field}, '{value}')",
    },
)


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    expression = zen.compile_expression(f"[{', '.join(map(ZEN.text, conditions))}]")

    def match(row: dict[str, Any]) -> list[int]:
        return list(compress(count(), expression.evaluate(row)))

    return match
