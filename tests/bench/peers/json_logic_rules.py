"""json-logic (json-logic-qubit, Python): each rule a JSON tree, called per rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from json_logic import jsonLogic

from tests.bench.plain import Compare, Event, Every, Plain


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    trees = [_tree(condition) for condition in conditions]

    def match(row: dict[str, Any]) -> list[int]:
        return [number for number, tree in enumerate(trees) if jsonLogic(tree, row)]

    return match


def _tree(condition: Plain) -> dict[str, Any]:
    if not isinstance(condition, Compare):
        return {"and" if isinstance(condition, Every) else "or": [_tree(item) for item in condition.items]}
    field = {"var": condition.field}
    match condition.operator:
        case "in":
            return {"in": [field, list(condition.value)]}
        case "has":
            return {"in": [condition.value, field]}
        case "starts":
            return {"===": [{"substr": [field, 0, len(condition.value)]}, condition.value]}
        case "==":
            return {"===": [field, condition.value]}
    return {condition.operator: [field, condition.value]}
