"""business-rules (Venmo's, Python): each rule a tree of named comparisons, its conditions checked per rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from business_rules.engine import check_conditions_recursively
from business_rules.variables import (
    BaseVariables,
    boolean_rule_variable,
    numeric_rule_variable,
    select_multiple_rule_variable,
    string_rule_variable,
)

from tests.bench.plain import Compare, Event, Every, Plain

OPERATORS = {
    "==": "equal_to",
    "<": "less_than",
    "<=": "less_than_or_equal_to",
    ">": "greater_than",
    ">=": "greater_than_or_equal_to",
    "starts": "starts_with",
}
KINDS = (
    (("country", "plan", "mrr_currency", "page"), string_rule_variable),
    (("date_of_birth", "started_on", "renews_on", "seats", "mrr", "satisfaction"), numeric_rule_variable),
    (("autopay", "mrr_own"), boolean_rule_variable),
    (("interests",), select_multiple_rule_variable),
)


class Fields(BaseVariables):  # type: ignore[misc]
    """The fields of one row; a method each, as the library wants them, is added below."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row


def _method(name: str) -> Callable[[Fields], Any]:
    def read(self: Fields) -> Any:
        return self.row[name]

    read.__name__ = name
    return read


for names, decorator in KINDS:
    for name in names:
        setattr(Fields, name, decorator()(_method(name)))


def match_event(conditions: Sequence[Plain]) -> Event:
    """The numbers of the conditions that a row matches."""
    trees = [_tree(condition) for condition in conditions]

    def match(row: dict[str, Any]) -> list[int]:
        fields = Fields(row)
        return [number for number, tree in enumerate(trees) if check_conditions_recursively(tree, fields)]

    return match


def _tree(condition: Plain) -> dict[str, Any]:
    if not isinstance(condition, Compare):
        return {"all" if isinstance(condition, Every) else "any": [_tree(item) for item in condition.items]}
    field, value = condition.field, condition.value
    match condition.operator:
        case "in":
            return {"any": [_asked(field, "equal_to", one) for one in value]}
        case "has":
            return _asked(field, "contains_all", [value])
        case "==" if isinstance(value, bool):
            return _asked(field, "is_true" if value else "is_false", None)
        case operator:
            return _asked(field, OPERATORS[operator], value)


def _asked(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"name": name, "operator": operator, "value": value}
