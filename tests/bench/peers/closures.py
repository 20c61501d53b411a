"""What a programmer writes without any engine: every rule a compiled Python function, called per rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.peers.infix import Spelling
from tests.bench.plain import Event, Plain

PYTHON = Spelling(
    "and",
    "or",
    "True",
    "False",
    {
        "in": lambda field, values: f"{field} in {values!r}",
        "has": lambda field, value: f"{value!r} in {field}",
        "starts": lambda field, value: f"{field}.startswith({value!r})",
    },
    field=lambda name: f"row[{name!r}]",
)


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    functions = [eval(f"lambda row: {PYTHON.text(condition)}", {}) for condition in conditions]

    def match(row: dict[str, Any]) -> list[int]:
        return [number for number, function in enumerate(functions) if function(row)]

    return match
