"""rule-engine (Python): each rule parsed once, called per rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rule_engine

from tests.bench.peers.infix import Spelling, one_of
from tests.bench.plain import Event, Plain

RULE_ENGINE = Spelling(
    "and",
    "or",
    "true",
    "false",
    {
        "in": lambda field, values: f"{field} in [{one_of(values)}]",
        "has": lambda field, value: f"'{value}' in {field}",
        "starts": lambda field, value: f"{field}.starts_with('{value}')",
    },
)


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    rules = [rule_engine.Rule(RULE_ENGINE.text(condition)) for condition in conditions]

    def match(row: dict[str, Any]) -> list[int]:
        return [number for number, rule in enumerate(rules) if rule.matches(row)]

    return match
