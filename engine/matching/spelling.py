"""Columns and their sets in Python's words: how a value is read from a row, and how it is asked whether it is in a set.

Only constants whose text is their value are written out; all else goes by a name.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dsl.datatypes import Kind, exponent
from dsl.typed import Amount
from engine.matching.columns import AMOUNT_SCALE, Clause, Column, Element, Pattern, is_ordered, kind_of
from engine.matching.keys import key_of
from engine.matching.reading import reader
from engine.matching.terms import OWN_CURRENCY
from engine.matching.values import ValueSet


class Reading(NamedTuple):
    """How a column's value is read, when what is under its key has been: lines `before` it is asked whether it
    `is_known`, and lines that a known one is `counted` by."""

    before: list[str]
    is_known: str
    counted: list[str]


def key_of_column(column: Column) -> str:
    """Under which key of a row a column's value is, or what it is worked out from."""
    match column:
        case Element(attribute):
            return attribute.key
        case Amount(money):
            return money.key
    assert not isinstance(column, Pattern | Clause), "questions are guards"
    return key_of(column)


def is_named(column: Column) -> bool:
    """Whether a column's sets list values that its own is compared with."""
    return not isinstance(column, Element) and not is_ordered(column)


def is_plain(column: Column) -> bool:
    """Whether a row has a column's values as its sets count them."""
    return _counted_kind(column) in (None, Kind.NUMBER, Kind.COUNT, Kind.ELAPSED)


def _counted_kind(column: Column) -> Kind | None:
    """The kind of an ordered column; None of another."""
    if isinstance(column, Element | Pattern) or not is_ordered(column):
        return None
    return kind_of(column)


class Spelling:
    """Writes parts of lines; `names` are what they refer to."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._known: dict[Any, str] = {}

    def name(self, thing: Any, prefix: str) -> str:
        """The name that the thing goes by."""
        if thing not in self._known:
            self._known[thing] = f"{prefix}{len(self._known)}"
            self.names[self._known[thing]] = thing
        return self._known[thing]

    def variable(self, column: Column) -> str:
        """The variable that holds what is under a column's key."""
        return self.name(key_of_column(column), "value_")

    def reading(self, column: Column) -> Reading:
        """How the column's value gets into the variable that `test` asks."""
        held, number = self.variable(column), self.number(column)
        if is_plain(column):
            return Reading([], f"{held} is not None", [])
        if isinstance(column, Amount):
            own = repr(column.currency) if column.currency else f"get({OWN_CURRENCY.key!r})"
            per_minor = f"{self.name(_per_minor, 'call_')}({held}.currency)"
            factor = _per_minor(column.currency) if column.currency else per_minor
            is_known = f"{held} is not None and {held}.currency == {own}"
            return Reading([], is_known, [f"{number} = {held}.minor * {factor}"])
        if _counted_kind(column) is Kind.DATE:
            return Reading([], f"{held} is not None", [f"{number} = {held}.toordinal()"])
        return Reading([f"{number} = {self.name(reader(column), 'call_')}(row)"], f"{number} is not None", [])

    def is_value(self, column: Column, value: Any) -> str:
        """Whether a named column's value is this."""
        return f"{self.variable(column)} {'is' if isinstance(value, bool) else '=='} {self._constant(value)}"

    def test(self, column: Column, values: ValueSet) -> str:
        """Whether a known value is in a set; empty where none is."""
        held = self.number(column)
        if not values.toggles:
            return "True" if values.inside else ""
        if isinstance(column, Element):
            return f"{column.element!r} {'in' if values.has_named(value=True) else 'not in'} {held}"
        if is_ordered(column):
            return " or ".join(self._interval(held, *ends) for ends in _intervals(values))
        if len(values.toggles) == 1:
            return f"{'not ' * values.inside}{self.is_value(column, values.toggles[0])}"
        listed = ", ".join(map(self._constant, values.toggles))
        return f"{held} {'not ' * values.inside}in {{{listed}}}"

    def number(self, column: Column) -> str:
        """The variable that holds a known value as the column's sets count it."""
        return self.variable(column) if is_plain(column) else self.name(column, "number_")

    def _interval(self, held: str, low: Any, beyond: Any) -> str:
        """Two comparisons, each of which Python makes faster than a chain of both."""
        bounds = [(">=", low)] * (low is not None) + [("<", beyond)] * (beyond is not None)
        return " and ".join(f"{held} {compares} {self._constant(bound)}" for compares, bound in bounds)

    def _constant(self, value: Any) -> str:
        return self.name(value, "constant_") if isinstance(value, float) and math.isinf(value) else repr(value)


def _intervals(values: ValueSet) -> list[tuple[Any, Any]]:
    """The set of an ordered column as intervals, closed below and open above; None for no bound."""
    ends = [None, *values.toggles] if values.inside else [*values.toggles]
    ends += [None] * (len(ends) % 2)
    return list(zip(ends[::2], ends[1::2], strict=True))


def _per_minor(currency: str) -> int:
    return AMOUNT_SCALE // int(10 ** exponent(currency))
