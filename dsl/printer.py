"""The canonical text of values, terms and conditions, as authors write them: `tenure > 12 months`, `has backup`.

What is printed and checked again is the same typed condition. Where the language has two ways to say a thing
(`any x` and `count of x > 0`) one of them is printed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dsl.datatypes import Kind, Unit, Value
from dsl.operators import OPERATORS
from dsl.terms import currency_of
from dsl.typed import (
    All,
    Amount,
    AnyOf,
    Arithmetic,
    Attribute,
    Condition,
    Constant,
    CountOf,
    DecidedCount,
    Elapsed,
    Events,
    LastOf,
    Not,
    QuotaOf,
    Relation,
    SegmentUse,
    SinceLast,
    SumOf,
    Term,
    Test,
    UsageOf,
    Window,
    kind,
)

HOUR = 3600 * 10**6
DAY = 24 * HOUR
"""In microseconds, as SinceLast counts."""

# Sets that the language has its own words for.
_SAID = {"subscription.addons": "has", "customer.tags": "is tagged"}
# How long ago a date was has two comparisons; the other two are their negations.
_AGO = {
    "greater": "{} more than {} ago",
    "less": "{} less than {} ago",
    "less_or_equal": "not {} more than {} ago",
    "greater_or_equal": "not {} less than {} ago",
}
_WITHIN = {"within_next", "within_last", "within_next_months", "within_last_months"}
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2}


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def counted(count: int, unit: str) -> str:
    """`1 month`, `12 months`."""
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def since(microseconds: int) -> str:
    """`14 days`, `36 hours`."""
    whole_days = microseconds % DAY == 0
    return counted(microseconds // (DAY if whole_days else HOUR), "days" if whole_days else "hours")


def number(value: float | Decimal) -> str:
    """Without an exponent and without needless zeros."""
    text = f"{value if isinstance(value, Decimal) else Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spelled(term: Term, value: Value) -> str:
    """A constant as it is written beside this term."""
    match term, value:
        case Elapsed(_, unit), int():
            return counted(value, unit)
        case SinceLast(), int():
            return since(value)
        case Attribute(type=type_), str() if type_.kind is Kind.TEXT or not _BARE.fullmatch(value):
            return quoted(value)
        case _, Decimal() if kind(term) is Kind.PERCENT:
            return f"{value:f}%"
        case _, Decimal():
            return money(value, currency_of(term))
        case _, bool():
            return "true" if value else "false"
        case _, float():
            return number(value)
        case _, dt.date():
            return value.isoformat()
    return str(value)


def money(amount: Decimal, currency: str | None) -> str:
    return f"{amount:f} {currency}" if currency else f"{amount:f}"


# --- terms ------------------------------------------------------------------------------------------------------------


def term_name(term: Term, *, prefixed: bool = False, currency: str | None = None) -> str:
    """A term as it is written: an attribute's own name, `count of download in last 7 days`, `mrr * 12`.

    `prefixed` as on the value side, where an attribute is `subscription.mrr`. `currency` is that of the other side.
    """
    match term:
        case Elapsed(Attribute(owner), _, name) if name:
            return f"{owner}.{name}" if prefixed else name
        case Elapsed(start) | Amount(start):
            return term_name(start, prefixed=prefixed)
        case Attribute(owner, name):
            return f"{owner}.{name}" if (prefixed and "." not in name) or name == "id" else name
        case CountOf(events):
            return f"count of {events_text(events)}"
        case SumOf(property_, events):
            return f"sum of {property_.name} of {events_text(events)}"
        case LastOf(events) | SinceLast(events):
            return f"last {events_text(events)}"
        case UsageOf(meter):
            return f"usage of {meter}"
        case QuotaOf(meter):
            return f"quota of {meter}"
        case DecidedCount(verb, product, window):
            return f"{'was ' if verb == 'offered' else ''}{verb} {product or 'any'}{in_last(window)}"
        case Constant(value):
            return number(value) if isinstance(value, float | Decimal) else str(value)
        case Arithmetic():
            return _Arithmetic(currency_of(term) or currency, prefixed).text(term)


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """Writes arithmetic with no more parentheses than it needs. Its amounts are all in one currency."""

    currency: str | None
    prefixed: bool

    def text(self, term: Arithmetic) -> str:
        if (part := share(term)) is not None:
            return f"{part[0]}% of {self.side(term, part[1], 3)}"
        if term.operator == "-" and term.left in (Constant(0), Constant(Decimal(0))):
            return f"-{self.side(term, term.right, 3)}"
        binds = _BINDS[term.operator]
        return f"{self.side(term, term.left, binds)} {term.operator} {self.side(term, term.right, binds + 1)}"

    def side(self, whole: Arithmetic, term: Term, binds: int) -> str:
        """In parentheses where it binds less than what is around it."""
        if isinstance(term, Constant):
            return self.constant(whole, term)
        if isinstance(term, Arithmetic):
            text = self.text(term)
            return text if share(term) is not None or _BINDS[term.operator] >= binds else f"({text})"
        return term_name(term, prefixed=self.prefixed)

    def constant(self, whole: Arithmetic, constant: Constant) -> str:
        if is_amount(whole, constant):
            return money(Decimal(str(constant.value)), self.currency)
        is_percentage = whole.type.kind is Kind.PERCENT and whole.operator in "+-"
        return f"{term_name(constant)}%" if is_percentage else term_name(constant)


def is_amount(whole: Arithmetic, constant: Term) -> bool:
    """Whether a constant on one side of arithmetic is money, not a factor of it."""
    other = whole.right if constant is whole.left else whole.left
    beside_money = kind(other) is Kind.MONEY
    match whole.operator:
        case "+" | "-":
            return whole.type.kind is Kind.MONEY
        case "*":
            return whole.type.kind is Kind.MONEY and not beside_money
    return beside_money != (whole.type.kind is Kind.MONEY)


def share(term: Arithmetic) -> tuple[str, Term] | None:
    """The percentage and what it is of, where a term is less than the whole of another."""
    match term:
        case Arithmetic("*", Constant(Decimal() | float() as part), of) if 0 < part < 1 and not is_amount(
            term, term.left
        ):
            return number(Decimal(str(part)) * 100), of
    return None


def events_text(events: Events) -> str:
    where = "" if events.where == All(()) else f" where ({condition_text(events.where)})"
    return f"{events.moment}{where}{in_last(events.window)}"


def in_last(window: Window | None) -> str:
    return f" in last {counted(window.count, window.unit)}" if window else ""


# --- conditions -------------------------------------------------------------------------------------------------------


def condition_text(condition: Condition) -> str:
    match condition:
        case Test() | Relation():
            return test_text(condition)
        case SegmentUse(name):
            return name
        case Not(item):
            text = _grouped(item)
            return f"not ({text})" if text.startswith("not ") else f"not {text}"
        case All(items):
            return " and ".join(_grouped(item) for item in items)
        case AnyOf(items):
            return " or ".join(_grouped(item) for item in items)


def _grouped(condition: Condition) -> str:
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, All | AnyOf) else text


def test_text(test: Test | Relation) -> str:
    """A test as the formatter would write it."""
    row = OPERATORS[test.operator]
    if isinstance(test, Relation):
        code = currency_of(test.left) or currency_of(test.right)
        left, right = term_name(test.left, currency=code), term_name(test.right, prefixed=True, currency=code)
        return f"{left} {row.spelling} {right}"
    name = term_name(test.term)
    values = [spelled(test.term, value) for value in test.operands]
    if (said := _in_its_own_words(test, name, values)) is not None:
        return said
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
        case operator if operator.removeprefix("not_") in _WITHIN:
            unit = Unit.MONTHS if operator.endswith("months") else Unit.DAYS
            return f"{name} {row.spelling} {counted(int(str(test.operands[0])), unit)}"
        case "not_contains" | "not_starts_with" | "not_ends_with" | "not_like" | "not_includes":
            return f"not {name} {OPERATORS[row.negation].spelling} {values[0]}"
    return f"{name} {row.spelling} {values[0]}"


def _in_its_own_words(test: Test, name: str, values: Sequence[str]) -> str | None:
    """`has backup`, `is tagged vip`, `started_on more than 14 days ago`, `no download`, `was offered premium`."""
    match test.term:
        case Attribute(key=key) if key in _SAID and values:
            said = f"{_SAID[key]} {values[0]}"
            return f"not {said}" if test.operator == "not_includes" else said
        case Elapsed(_, _, "") | SinceLast() if test.operator in _AGO:
            return _AGO[test.operator].format(name, values[0])
        case CountOf(events) if test.operands == (0,) and test.operator in ("greater", "equal"):
            return f"{'any' if test.operator == 'greater' else 'no'} {events_text(events)}"
        case DecidedCount():
            return name if test.operator == "greater" else f"not {name}"
    return None
