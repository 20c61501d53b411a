"""Plain conditions as text, for the peers that differ only in how they spell things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.plain import Compare, Every, Plain


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one language spells `and`, `or`, truth, and the operators that are not written between two sides.

    `special` has `in`, `has` and `starts`, and what else is spelt in an own way: field and constant to text.
    """

    conjunction: str
    disjunction: str
    true: str
    false: str
    special: Mapping[str, Callable[[str, Any], str]]
    field: Callable[[str], str] = str

    def text(self, condition: Plain) -> str:
        """The condition in this language, in parentheses."""
        if isinstance(condition, Compare):
            spell = self.special.get(condition.operator, self._infix(condition.operator))
            return spell(self.field(condition.field), condition.value)
        word = self.conjunction if isinstance(condition, Every) else self.disjunction
        return f"({f' {word} '.join(map(self.text, condition.items))})"

    def _infix(self, operator: str) -> Callable[[str, Any], str]:
        return lambda field, value: f"{field} {operator} {self.constant(value)}"

    def constant(self, value: Any) -> str:
        """A constant; texts in single quotes, which no constant of the bench holds."""
        if isinstance(value, bool):
            return self.true if value else self.false
        return f"'{value}'" if isinstance(value, str) else str(value)


def one_of(values: tuple[Any, ...]) -> str:
    """Texts, listed."""
    return ", ".join(f"'{value}'" for value in values)
