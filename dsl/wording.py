"""A rule, a condition or a test in plain English, from the typed rule: what is said is what is meant.

`not` is said of each test ("country is not US"), because that is what it means: a missing value matches under neither.
"""

from __future__ import annotations

import datetime as dt

from dsl.datatypes import Kind, Unit, Value
from dsl.operators import OPERATORS
from dsl.printer import counted, quoted, term_name
from dsl.suggestions import listed
from dsl.typed import (
    Action,
    All,
    Amount,
    AnyOf,
    Attribute,
    Condition,
    Elapsed,
    MomentUse,
    Not,
    Offer,
    Rule,
    Say,
    SegmentUse,
    Tag,
    Term,
    Test,
)


def sentence(rule: Rule) -> str:
    """The rule as one sentence: "On every birthday, if country is US, offer premium via email."."""
    parts = [listed([_moment(use) for use in rule.moments], "or")]
    if rule.condition != All(()):
        parts.append(f"if {plain(rule.condition)}")
    parts.append(_done(rule))
    if rule.starts or rule.ends:
        parts.append(_dates(rule.starts, rule.ends))
    if rule.priority:
        parts.append(f"with priority {rule.priority}")
    told = ", ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def plain(condition: Condition, *, negated: bool = False) -> str:
    """A condition or a single test: "tenure is more than 12 months and plan is basic or standard"."""
    match condition:
        case Test():
            return _test(condition, negated=negated)
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
    values = [_value(test.term, value) for value in test.operands]
    name, key = _spaced(term_name(test.term)), test.term.key if isinstance(test.term, Attribute) else ""
    if key in _HELD and values:
        held = _spaced(values[0]) if key == "subscription.addons" else values[0]
        return f"{_HELD[key][row.name == 'includes']} {held}"
    said = f"{name} {row.date_wording if _is_date(test.term) else row.wording}"
    match row.name:
        case "in" | "not_in":
            return f"{said} {listed(values, 'or')}"
        case "between" | "not_between":
            return f"{said} {values[0]} and {values[1]}"
        case "within_next" | "not_within_next" | "within_last" | "not_within_last":
            return f"{said} {counted(int(str(test.operands[0])), Unit.DAYS)}"
    told = " ".join([said, *values])
    return f"{told} ago" if isinstance(test.term, Elapsed) and not test.term.name and values else told


_HELD = {
    "subscription.addons": ("they do not have the add-on", "they have the add-on"),
    "customer.tags": ("they are not tagged", "they are tagged"),
}


def _is_date(term: Term) -> bool:
    return isinstance(term, Attribute) and term.type.kind is Kind.DATE


def _value(term: Term, value: Value) -> str:
    match term, value:
        case Elapsed(_, unit), int():
            return counted(value, unit)
        case Amount(_, currency), _:
            return f"{value:,f} {currency}" if currency else f"{value:,f} in its own currency"
        case _, dt.date():
            return _day(value)
        case Attribute(type=type_), str():
            return quoted(value) if type_.kind is Kind.TEXT else _named(type_.kind, value)
        case Attribute(type=type_), _ if type_.kind is Kind.PERCENT:
            return f"{value:f}%"
        case _, float():
            return f"{value:,g}"
    return str(value)


# --- the other parts --------------------------------------------------------------------------------------------------


def _moment(use: MomentUse) -> str:
    occasion = _day(use.date) if use.date else f"every {_spaced(use.moment)}"
    if use.offset == 0:
        return f"on {occasion}"
    return f"{counted(abs(use.offset), Unit.DAYS)} {'before' if use.offset < 0 else 'after'} {occasion}"


def _done(rule: Rule) -> str:
    """What is sent, through which channels, and what is noted of the customer."""
    sent = [_action(action) for action in rule.actions if not isinstance(action, Tag)]
    noted = [_action(action) for action in rule.actions if isinstance(action, Tag)]
    if sent:
        noted.insert(0, f"{listed(sent)} via {listed([_spaced(channel) for channel in rule.via])}")
    return listed(noted)


def _action(action: Action) -> str:
    match action:
        case Offer((product,)):
            return f"offer {_spaced(product)}"
        case Offer(products):
            return f"offer the best of {listed([_spaced(one) for one in products])}"
        case Say(message):
            return f"say {message}" if message.startswith('"') else f"say the message {_spaced(message)}"
        case Tag(tag, True):
            return f"tag the customer {tag}"
        case Tag(tag):
            return f"remove the tag {tag}"


def _dates(starts: dt.date | None, ends: dt.date | None) -> str:
    told = [f"from {_day(starts)}"] if starts else []
    return " ".join([*told, f"until {_day(ends)}"] if ends else told)


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _named(kind: Kind, value: str) -> str:
    return _spaced(value) if kind in (Kind.PLAN, Kind.ADDON) else value


def _spaced(name: str) -> str:
    return name.replace("_", " ")
