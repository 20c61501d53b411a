"""The tables of the help that are made from the language's own: operators, types, words, limits, filters.

A page says `<!-- table operators -->` where the table stands. Examples in the tables are checked like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from markupsafe import Markup, escape

from dsl import builder, conditions, literals, parser, rule_clauses, rule_moments, template_words, yaml_reader
from dsl.catalog import Owner
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind, Value
from dsl.language_service.keywords import KEYWORDS
from dsl.operators import OPERATORS, Operator
from dsl.printer import test_text
from dsl.typed import Attribute, Test
from dsl.words import RESERVED

_PLACE = re.compile(r"<!-- table (\w+) -->")

Row = tuple[Markup, ...]


def filled(html: str) -> str:
    """The page with its tables. Raises KeyError for a table that there is not."""
    return _PLACE.sub(lambda place: TABLES[place[1]](), html)


# --- operators -------------------------------------------------------------------------------------------------------

_SAMPLES: Mapping[Kind, tuple[Owner, str, tuple[Value, Value]]] = {
    Kind.ENUM: (Owner.CUSTOMER, "country", ("DE", "FR")),
    Kind.COUNT: (Owner.SUBSCRIPTION, "seats", (3, 5)),
    Kind.TEXT: (Owner.CUSTOMER, "first_name", ("Ada", "")),
    Kind.FLAG: (Owner.SUBSCRIPTION, "autopay", (True, False)),
    Kind.SET: (Owner.CUSTOMER, "interests", ("sport", "")),
    Kind.DATE: (Owner.SUBSCRIPTION, "trial_ends_on", (7, 14)),
}
"""An attribute of the help's catalog for the examples of each kind of operator, with two values."""


def _operators() -> str:
    """One row for an operator and its opposite."""
    told: set[str] = set()
    rows: list[Row] = []
    for row in OPERATORS.values():
        opposite = OPERATORS[row.negation]
        if row.spelling in told:
            continue
        told |= {row.spelling, opposite.spelling}
        rows.append((_example(row), _example(opposite), escape(row.wording), _kinds(row.kinds)))
    return _table(("Write", "Its opposite", "Reads", "Asks of"), rows)


def _example(row: Operator) -> Markup:
    kind = next(kind for kind in _SAMPLES if kind in row.kinds)
    owner, name, values = _SAMPLES[kind]
    operands = values if row.operands is None else values[: row.operands]
    return _code(test_text(Test(row.name, Attribute(owner, name, DataType(kind)), operands)), "condition")


def _kinds(kinds: Iterable[Kind]) -> Markup:
    missing = [kind for kind in Kind if kind not in set(kinds)]
    if not missing:
        return Markup("everything")
    if len(missing) < len(Kind) / 2:
        return Markup("everything but {}").format(", ".join(missing))
    return escape(", ".join(kind for kind in Kind if kind in set(kinds)))


# --- types -----------------------------------------------------------------------------------------------------------

TYPES: Mapping[Kind, tuple[str, str]] = {
    Kind.TEXT: ("any text, compared letter by letter", 'first_name = "Ada"'),
    Kind.NUMBER: ("a measure, with a point", "satisfaction >= 7.5"),
    Kind.COUNT: ("a whole number", "seats > 3"),
    Kind.FLAG: ("yes or no; it is a condition by itself", "autopay"),
    Kind.ENUM: ("one of a closed list; quotes are needed only around spaces", "country = NO"),
    Kind.SET: ("several of a list; a set may be empty, which is not missing", "interests includes sport"),
    Kind.DATE: ("a calendar day, year first", "started_on before 2025-01-01"),
    Kind.ELAPSED: ("time since a date, in full units; computed, never stored", "tenure > 12 months"),
    Kind.MONEY: ("an exact amount in a currency", "mrr >= $20"),
    Kind.PERCENT: ("an exact percentage, with its sign", "level >= 80%"),
    Kind.PLAN: ("a plan of the catalog", "plan = premium"),
    Kind.ADDON: ("an add-on of the catalog", "has backup"),
}


def _types() -> str:
    return _table(
        ("Type", "Holds", "Write"),
        ((_code(kind), escape(holds), _code(example, "condition")) for kind, (holds, example) in TYPES.items()),
    )


def _units() -> str:
    rows = (
        (_code(unit), escape(_UNITS[unit]), Markup("{:,}").format(literals.LONGEST_TIME[unit])) for unit in TimeUnit
    )
    return _table(("Unit", "Counts", "At most"), rows)


_UNITS: Mapping[TimeUnit, str] = {
    TimeUnit.HOURS: "60 minutes each, back from the moment itself; for windows and delays after events",
    TimeUnit.DAYS: "24 hours each in a window; of dates, calendar days",
    TimeUnit.WEEKS: "seven days",
    TimeUnit.MONTHS: "by the calendar; of elapsed time, full months",
    TimeUnit.YEARS: "twelve months",
}


# --- words -----------------------------------------------------------------------------------------------------------


def _keywords() -> str:
    return _table(
        ("Word", "Means", "For example"), ((_code(w), escape(k.says), _code(k.example)) for w, k in KEYWORDS.items())
    )


def _reserved() -> str:
    return _words(sorted(RESERVED))


def _filters() -> str:
    return _words(template_words.FILTERS)


def _tags() -> str:
    return _words(template_words.TAGS)


def _words(words: Iterable[str]) -> str:
    return Markup('<p class="wordlist">{}</p>').format(Markup(" ").join(map(_code, words)))


# --- limits ----------------------------------------------------------------------------------------------------------


def _limits() -> str:
    rows = (
        ("Characters of one declaration", parser.MAX_DECLARATION),
        ("Levels of parentheses, not and arithmetic in one another", parser.MAX_NESTING),
        ("Levels of a condition, segments in segments included", conditions.MOST_LEVELS),
        ("Values in one list", builder.MAX_LIST),
        ("Digits of a number", literals.MAX_DIGITS),
        ("Days before or after a moment", rule_moments.MOST_DAYS),
        ("Priority, above and below 0", rule_clauses.MOST_PRIORITY),
        ("Characters of a message, and of what it becomes", template_words.MOST_CHARACTERS),
        ("Characters of the catalog", yaml_reader.MOST_CHARACTERS),
        ("Levels of the catalog", yaml_reader.MOST_LEVELS),
        ("Values in the catalog", yaml_reader.MOST_VALUES),
    )
    return _table(("Limit", "At most"), ((escape(what), Markup("{:,}").format(most)) for what, most in rows))


# --- as HTML ---------------------------------------------------------------------------------------------------------


def _code(text: str, kind: str = "") -> Markup:
    return Markup('<code class="{}">{}</code>').format(kind, text) if kind else Markup("<code>{}</code>").format(text)


def _table(heads: Iterable[str], rows: Iterable[Row]) -> str:
    return "".join(_lines(heads, rows))


def _lines(heads: Iterable[str], rows: Iterable[Row]) -> Iterator[str]:
    yield f"<table>\n  <thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead>\n  <tbody>\n"
    for row in rows:
        yield f"    <tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n"
    yield "  </tbody>\n</table>"


TABLES: Mapping[str, Callable[[], str]] = {
    "operators": _operators,
    "types": _types,
    "units": _units,
    "keywords": _keywords,
    "reserved": _reserved,
    "limits": _limits,
    "filters": _filters,
    "tags": _tags,
}
