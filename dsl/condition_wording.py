"""A condition in plain English, from the typed condition: what is said is what is meant.

`not` is said of each test ("country is not US"), because that is what it means: a missing value matches under neither.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from dsl.choices import HistoryVerb
from dsl.datatypes import Kind, Unit, Value
from dsl.operators import OPERATORS, Operator
from dsl.printer import counted, is_amount, quoted, share, since, term_name
from dsl.suggestions import listed
from dsl.terms import currency_of
from dsl.typed import (
    All,
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


def plain(condition: Condition, *, negated: bool = False) -> str:
    """A condition or a single test: "tenure is more than 12 months and plan is basic or standard"."""
    match condition:
        case Test():
            return _test(condition, negated=negated)
        case Relation():
            return _relation(condition, negated=negated)
        case Not(item):
            return plain(item, negated=not negated)
        case SegmentUse(name):
            return f"they are not in the segment {name}" if negated else f"they are in the segment {name}"
        case All(()):
            return "never" if negated else "always"
        case All(items) | AnyOf(items):
            word = "and" if isinstance(condition, All) != negated else "or"
            return f" {word} ".join(_grouped(item, word, negated=negated) for item in items)


def _grouped(condition: Condition, word: str, *, negated: bool) -> str:
    """In parentheses where an `and` stands in an `or` or the other way round."""
    told = plain(condition, negated=negated)
    inner, flipped = condition, negated
    while isinstance(inner, Not):
        inner, flipped = inner.item, not flipped
    if isinstance(inner, All | AnyOf) and len(inner.items) > 1:
        mine = "and" if isinstance(inner, All) != flipped else "or"
        return told if mine == word else f"({told})"
    return told


# --- tests ------------------------------------------------------------------------------------------------------------


def _test(test: Test, *, negated: bool) -> str:
    row = OPERATORS[OPERATORS[test.operator].negation if negated else test.operator]
    if (said := _in_its_own_words(test, row)) is not None:
        return said
    values = [_value(test.term, value) for value in test.operands]
    said = f"{_term(test.term)} {_operator(row, test.term)}"
    match row.name:
        case "in" | "not_in":
            return f"{said} {listed(values, 'or')}"
        case "between" | "not_between":
            return f"{said} {values[0]} and {values[1]}"
        case name if name.removeprefix("not_").startswith("within"):
            unit = Unit.MONTHS if name.endswith("months") else Unit.DAYS
            return f"{said} {counted(int(str(test.operands[0])), unit)}"
    return " ".join([said, *values])


def _relation(relation: Relation, *, negated: bool) -> str:
    row = OPERATORS[OPERATORS[relation.operator].negation if negated else relation.operator]
    return f"{_term(relation.left)} {_operator(row, relation.left)} {_term(relation.right)}"


def _operator(row: Operator, term: Term, *, ago: bool = False) -> str:
    """Its wording; what happened last was in the past. How long `ago` is more or less, not before or after."""
    told = row.date_wording if kind(term) is Kind.DATE and not ago else row.wording
    return told.replace("is ", "was ", 1) if isinstance(term, LastOf) else told


def _in_its_own_words(test: Test, row: Operator) -> str | None:
    """Tests that English says without naming a value: what they have, what happened, what they were offered."""
    holds = row.name in ("includes", "greater", "is_known")
    match test.term:
        case Attribute(key="subscription.addons") if test.operands:
            return f"they {'have' if holds else 'do not have'} the add-on {spaced(str(test.operands[0]))}"
        case Attribute(key="customer.tags") if test.operands:
            return f"they are {'' if holds else 'not '}tagged {test.operands[0]}"
        case CountOf(events) if test.operands == (0,) and row.name in ("greater", "equal", "less_or_equal"):
            return f"there was {a(_events(events)) if holds else f'no {_events(events)}'}"
        case LastOf(events) if row.name in ("is_known", "is_missing"):
            return f"there was {a(_events(events)) if holds else f'no {_events(events)}'}"
        case DecidedCount(verb, product, window):
            return _history(verb, product, holds=holds) + _in_last(window)
        case Elapsed(start, unit, "") if test.operands:
            return _ago(start, row, counted(int(str(test.operands[0])), unit))
        case SinceLast(events) if test.operands:
            return _ago(LastOf(events), row, since(int(str(test.operands[0]))))
    return None


def _ago(start: Term, row: Operator, time: str) -> str:
    return f"{_term(start)} {_operator(row, start, ago=True)} {time} ago"


def _history(verb: HistoryVerb, product: str | None, *, holds: bool) -> str:
    if verb is HistoryVerb.OFFERED:
        return f"they were {'' if holds else 'not '}offered {spaced(product or 'anything')}"
    return f"they {'accepted' if holds else 'did not accept'} {spaced(product or 'any offer')}"


# --- terms and values -------------------------------------------------------------------------------------------------


def _term(term: Term) -> str:
    match term:
        case CountOf(events):
            return f"the number of {_events(events, many=True)}"
        case SumOf(property_, events):
            return f"the total {spaced(property_.name)} of {_events(events, many=True)}"
        case LastOf(events) | SinceLast(events):
            return f"the last {_events(events)}"
        case UsageOf(meter):
            return f"the usage of {spaced(meter)}"
        case QuotaOf(meter):
            return f"the quota of {spaced(meter)}"
        case Arithmetic():
            return _computed(term, currency_of(term))
    return spaced(term_name(term)).replace(".", " of ")


def _computed(term: Arithmetic, currency: str | None) -> str:
    """`80% of the quota of storage`, `mrr times 12`, `(seats plus 1) times 2`."""
    if (part := share(term)) is not None:
        return f"{part[0]}% of {_side(term, part[1], currency)}"
    said = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[term.operator]
    return f"{_side(term, term.left, currency)} {said} {_side(term, term.right, currency)}"


def _side(whole: Arithmetic, term: Term, currency: str | None) -> str:
    if isinstance(term, Constant) and is_amount(whole, term):
        return _money(Decimal(str(term.value)), currency)
    if isinstance(term, Arithmetic):
        return f"({_computed(term, currency)})"
    return _term(term)


def _events(events: Events, *, many: bool = False) -> str:
    """`support call event in the last 30 days (where minutes is more than 5)`."""
    where = "" if events.where == All(()) else f" (where {plain(events.where)})"
    return f"{spaced(events.moment)} event{'s' if many else ''}{_in_last(events.window)}{where}"


def _in_last(window: Window | None) -> str:
    if window is None:
        return ""
    return f" in the last {window.unit.removesuffix('s') if window.count == 1 else f'{window.count} {window.unit}'}"


def _value(term: Term, value: Value) -> str:
    match term, value:
        case Elapsed(_, unit), int():
            return counted(value, unit)
        case Attribute(type=type_), str():
            return quoted(value) if type_.kind is Kind.TEXT else _named(type_.kind, value)
        case _, dt.date():
            return day(value)
        case _, Decimal() if kind(term) is Kind.PERCENT:
            return f"{value:f}%"
        case _, Decimal():
            return _money(value, currency_of(term))
        case _, float():
            return f"{value:,g}"
    return str(value)


def _money(amount: Decimal, currency: str | None) -> str:
    return f"{amount:,f} {currency}" if currency else f"{amount:,f} in its own currency"


def a(noun: str) -> str:
    """With its article: `an upgrade event`, `a usage alert`."""
    is_vowel = noun[0] in "aeiou" and not noun.startswith(("us", "uni", "eu"))
    return f"{'an' if is_vowel else 'a'} {noun}"


def spaced(name: str) -> str:
    """A name of the catalog as words."""
    return name.replace("_", " ")


def day(date: dt.date) -> str:
    return f"{date.day} {date:%B} {date.year}"


def _named(kind_: Kind, value: str) -> str:
    return spaced(value) if kind_ in (Kind.PLAN, Kind.ADDON) else value
