"""The operators: one row each, with everything about it that is the same everywhere.

A test holds when its term is present and the row's meaning is true of it; only `is_missing` holds of an absent value.
So `not` is pushed down to the tests by taking each one's negation, and a missing value never matches under either.
How an operator is matched over columns or in an index is keyed by the same names in `engine.matching`.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dsl.datatypes import Kind, Value

Meaning = Callable[[Any, tuple[Any, ...], dt.date], bool]
"""(value, operands, the local day) → does it hold. The value is present and of one of the row's kinds."""


@dataclass(frozen=True, slots=True)
class Operator:
    """`spelling` is the language's word, `wording` plain English ("is more than"), `date_wording` that for dates.

    `operands` is how many there are, None for a list of any length. `missing` is the answer for an absent value.
    """

    name: str
    negation: str
    kinds: frozenset[Kind]
    operands: int | None
    meaning: Meaning
    spelling: str
    wording: str
    date_wording: str
    missing: bool = False


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """A pattern for the whole text: `*` is any characters, `?` is one, everything else is itself.

    Each part between stars takes its first place and keeps it (atomic groups), so matching never backtracks.
    """
    first, *rest = (".".join(map(re.escape, part.split("?"))) for part in re.split(r"\*+", pattern))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last, re.DOTALL)


_ALL = frozenset(Kind)
_ORDERED = frozenset({Kind.NUMBER, Kind.COUNT, Kind.DATE, Kind.ELAPSED, Kind.MONEY, Kind.PERCENT})
_EQUAL = _ALL - {Kind.FLAG, Kind.SET}
_TEXT = frozenset({Kind.TEXT})
_FLAG = frozenset({Kind.FLAG})
_SET = frozenset({Kind.SET})
_DATE = frozenset({Kind.DATE})


def _within_next(value: dt.date, operands: tuple[int], today: dt.date) -> bool:
    return 0 <= (value - today).days <= operands[0]


def _within_last(value: dt.date, operands: tuple[int], today: dt.date) -> bool:
    return 0 <= (today - value).days <= operands[0]


def months_from(day: dt.date, months: int) -> dt.date:
    """The same day that many months later (earlier if negative), or the last day of a month that has none such.

    Beyond the calendar it is the calendar's end.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return dt.date.max if months > 0 else dt.date.min
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _within_next_months(value: dt.date, operands: tuple[int], today: dt.date) -> bool:
    return today <= value <= months_from(today, operands[0])


def _within_last_months(value: dt.date, operands: tuple[int], today: dt.date) -> bool:
    return months_from(today, -operands[0]) <= value <= today


def _pair(
    names: tuple[str, str],
    kinds: frozenset[Kind],
    operands: int | None,
    meaning: Meaning,
    spellings: tuple[str, str],
    wordings: tuple[str, str],
    date_wordings: tuple[str, str] | None = None,
) -> tuple[Operator, Operator]:
    """An operator and its negation, which holds of exactly the other present values."""

    def inverse(value: Value, given: tuple[Value, ...], today: dt.date) -> bool:
        return not meaning(value, given, today)

    name, negation = names
    on_dates = date_wordings or wordings
    return (
        Operator(name, negation, kinds, operands, meaning, spellings[0], wordings[0], on_dates[0]),
        Operator(negation, name, kinds, operands, inverse, spellings[1], wordings[1], on_dates[1]),
    )


_ROWS: tuple[Operator, ...] = (
    *_pair(
        ("equal", "not_equal"),
        _EQUAL,
        1,
        lambda value, given, _: value == given[0],
        ("=", "!="),
        ("is", "is not"),
    ),
    *_pair(
        ("less", "greater_or_equal"),
        _ORDERED,
        1,
        lambda value, given, _: value < given[0],
        ("<", ">="),
        ("is less than", "is at least"),
        ("is before", "is on or after"),
    ),
    *_pair(
        ("greater", "less_or_equal"),
        _ORDERED,
        1,
        lambda value, given, _: value > given[0],
        (">", "<="),
        ("is more than", "is at most"),
        ("is after", "is on or before"),
    ),
    *_pair(
        ("in", "not_in"),
        _EQUAL,
        None,
        lambda value, given, _: value in given,
        ("in", "not in"),
        ("is", "is not"),
    ),
    *_pair(
        ("between", "not_between"),
        _ORDERED,
        2,
        lambda value, given, _: given[0] <= value <= given[1],
        ("between", "not between"),
        ("is between", "is not between"),
    ),
    *_pair(
        ("is_true", "is_false"),
        _FLAG,
        0,
        lambda value, _, __: value is True,
        ("", "not"),
        ("is true", "is false"),
    ),
    *_pair(
        ("contains", "not_contains"),
        _TEXT,
        1,
        lambda value, given, _: given[0] in value,
        ("contains", "not contains"),
        ("contains", "does not contain"),
    ),
    *_pair(
        ("starts_with", "not_starts_with"),
        _TEXT,
        1,
        lambda value, given, _: value.startswith(given[0]),
        ("starts with", "not starts with"),
        ("starts with", "does not start with"),
    ),
    *_pair(
        ("ends_with", "not_ends_with"),
        _TEXT,
        1,
        lambda value, given, _: value.endswith(given[0]),
        ("ends with", "not ends with"),
        ("ends with", "does not end with"),
    ),
    *_pair(
        ("like", "not_like"),
        _TEXT,
        1,
        lambda value, given, _: glob(given[0]).fullmatch(value) is not None,
        ("like", "not like"),
        ("looks like", "does not look like"),
    ),
    *_pair(
        ("includes", "not_includes"),
        _SET,
        1,
        lambda value, given, _: given[0] in value,
        ("includes", "not includes"),
        ("includes", "does not include"),
    ),
    *_pair(
        ("within_next", "not_within_next"),
        _DATE,
        1,
        _within_next,
        ("within", "not within"),
        ("is within the next", "is not within the next"),
    ),
    *_pair(
        ("within_last", "not_within_last"),
        _DATE,
        1,
        _within_last,
        ("within last", "not within last"),
        ("is within the last", "is not within the last"),
    ),
    *_pair(
        ("within_next_months", "not_within_next_months"),
        _DATE,
        1,
        _within_next_months,
        ("within", "not within"),
        ("is within the next", "is not within the next"),
    ),
    *_pair(
        ("within_last_months", "not_within_last_months"),
        _DATE,
        1,
        _within_last_months,
        ("within last", "not within last"),
        ("is within the last", "is not within the last"),
    ),
    Operator(
        "is_known", "is_missing", _ALL, 0, lambda _, __, ___: True, "is known", "is known", "is known", missing=False
    ),
    Operator(
        "is_missing",
        "is_known",
        _ALL,
        0,
        lambda _, __, ___: False,
        "is missing",
        "is missing",
        "is missing",
        missing=True,
    ),
)

OPERATORS: Mapping[str, Operator] = {row.name: row for row in _ROWS}
"""Every operator by its name."""
