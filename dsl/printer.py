"""The canonical text of values and tests, in the language itself: `tenure > 12 months`, `plan in (basic, standard)`."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from dsl.datatypes import Kind, Unit, Value
from dsl.operators import OPERATORS
from dsl.typed import Amount, Attribute, Elapsed, Term, Test

# Sets that the language has its own words for.
_SAID = {"subscription.addons": "has", "customer.tags": "is tagged"}
# How long ago a date was has two comparisons; the other two are their negations.
_AGO = {
    "greater": "{} more than {} ago",
    "less": "{} less than {} ago",
    "less_or_equal": "not {} more than {} ago",
    "greater_or_equal": "not {} less than {} ago",
}
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def counted(count: int, unit: Unit) -> str:
    """`1 month`, `12 months`."""
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def spelled(term: Term, value: Value) -> str:
    """A constant as it is written beside this term."""
    match term, value:
        case Elapsed(_, unit), int():
            return counted(value, unit)
        case Amount(_, None), Decimal():
            return f"{value:f}"
        case Amount(_, str() as currency), Decimal():
            return f"{value:f} {currency}"
        case Attribute(type=type_), str() if type_.kind is Kind.TEXT or not _BARE.fullmatch(value):
            return quoted(value)
        case Attribute(type=type_), Decimal() if type_.kind is Kind.PERCENT:
            return f"{value:f}%"
        case _, bool():
            return "true" if value else "false"
        case _, float():
            return f"{Decimal(repr(value)):f}".removesuffix(".0")
        case _, dt.date():
            return value.isoformat()
    return str(value)


def term_name(term: Term) -> str:
    """The attribute's own name."""
    match term:
        case Elapsed(start, _, name):
            return name or start.name
        case Amount(money):
            return money.name
        case Attribute(name=name):
            return name


def test_text(test: Test) -> str:
    """A test as the formatter would write it."""
    name, row = term_name(test.term), OPERATORS[test.operator]
    values = [spelled(test.term, value) for value in test.operands]
    if isinstance(test.term, Attribute) and test.term.key in _SAID and values:
        said = f"{_SAID[test.term.key]} {values[0]}"
        return f"not {said}" if test.operator == "not_includes" else said
    if isinstance(test.term, Elapsed) and not test.term.name and values:
        return _AGO[test.operator].format(name, values[0])
    match test.operator:
        case "is_true":
            return name
        case "is_false":
            return f"not {name}"
        case "is_known" | "is_missing":
            return f"{name} {row.spelling}"
        case "in" | "not_in":
            return f"{name} {row.spelling} ({', '.join(values)})"
        case "between" | "not_between":
            return f"{name} {row.spelling} {values[0]} and {values[1]}"
        case "within_next" | "not_within_next" | "within_last" | "not_within_last":
            days = counted(int(values[0]), Unit.DAYS)
            return f"{name} {row.spelling} {days}"
        case "not_contains" | "not_starts_with" | "not_ends_with" | "not_like" | "not_includes":
            return f"not {name} {OPERATORS[row.negation].spelling} {values[0]}"
    return f"{name} {row.spelling} {values[0]}"
