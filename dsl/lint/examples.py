"""Examples: a subscription, made up of values around the constants of the clauses, that passes them all.

Clauses that speak of one stored value are tried together on each candidate, so what is found does pass; where nothing
is found (or a clause relates two values, or computes), there may still be something, and the caller is undecided.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dsl.currencies import exponent
from dsl.datatypes import Kind, Money, Unit, Value
from dsl.lint.cells import OWN_CURRENCY, Choices, Leaf
from dsl.operators import OPERATORS
from dsl.typed import All, Amount, Attribute, CountOf, DecidedCount, Elapsed, Term, Test

TODAY = dt.date(2026, 3, 15)
"""The local day of examples, where the rules' own dates allow."""

_MOST_MINOR = 2**62


@dataclass(frozen=True, slots=True)
class Example:
    """A made-up state on the local date `today`. `row` is by attribute key; an absent key is a missing value.

    `counts` are how often something happened, for clauses that count.
    """

    row: Mapping[str, Value]
    today: dt.date
    counts: Mapping[CountOf | DecidedCount, int]


def example(leaves: Sequence[Leaf], choices: Choices, currency: str, today: dt.date = TODAY) -> Example | None:
    """A state that passes every clause; None where none was found. `currency` is the subscription's, if it is free."""
    row: dict[str, Value] = {}
    counts: dict[CountOf | DecidedCount, int] = {}
    by_subject = _by_subject(leaves)
    if not _independent([one for one in by_subject if isinstance(one, CountOf | DecidedCount)]):
        return None
    for subject, tests in by_subject.items():
        if isinstance(subject, CountOf | DecidedCount):
            found = next((one for one in _counts(tests) if _all_pass(tests, one, today)), None)
            if found is None:
                return None
            counts[subject] = found
        elif isinstance(subject, Attribute):
            own = row.get(OWN_CURRENCY.key, currency)
            if not _add(row, subject, tests, choices, str(own), today):
                return None
        else:
            return None
    return Example(row, today, counts)


def _independent(counted: Sequence[CountOf | DecidedCount]) -> bool:
    """Whether any counts can be true together: of different events, all of a kind, and of one earlier decision."""
    events = [one.events for one in counted if isinstance(one, CountOf)]
    every = all(one.where == All(()) for one in events)
    return every and len({one.moment for one in events}) == len(events) and len(counted) - len(events) < 2


def _by_subject(leaves: Sequence[Leaf]) -> dict[object, list[Test]]:
    """The clauses by what they are about, the currency first: amounts are counted in it. None: nothing we can vary."""
    found: dict[object, list[Test]] = {}
    for leaf in leaves:
        found.setdefault(_subject(leaf), []).append(leaf)  # type: ignore[arg-type]
    if any(isinstance(leaf, Test) and isinstance(leaf.term, Amount) and not leaf.term.currency for leaf in leaves):
        found.setdefault(OWN_CURRENCY, [])
    return dict(sorted(found.items(), key=lambda one: one[0] != OWN_CURRENCY))


def _subject(leaf: Leaf) -> object:
    match leaf:
        case Test(term=Attribute() as term):
            return term
        case Test(term=Elapsed(Attribute() as start)):
            return start
        case Test(term=Amount(money)):
            return money
        case Test(term=CountOf() | DecidedCount() as term):
            return term
    return None


def _add(
    row: dict[str, Value], subject: Attribute, tests: list[Test], choices: Choices, own: str, today: dt.date
) -> bool:
    if subject == OWN_CURRENCY and not tests:
        row[subject.key] = own
        return True
    for value in _candidates(subject, tests, choices, own, today):
        if all(_passes(test, _read(test.term, value, own, today), today) for test in tests):
            if value is not None:
                row[subject.key] = value
            return True
    return False


def _all_pass(tests: Iterable[Test], value: Value, today: dt.date) -> bool:
    return all(_passes(test, value, today) for test in tests)


def _passes(test: Test, value: Any, today: dt.date) -> bool:
    row = OPERATORS[test.operator]
    if value is None:
        return row.missing
    return test.operator != "is_missing" and row.meaning(value, test.operands, today)


def _read(term: Term, value: Any, own: str, today: dt.date) -> Any:
    """What a term makes of its stored value."""
    match term:
        case Elapsed(_, unit) if value is not None:
            if value > today:
                return None
            return (today - value).days if unit is Unit.DAYS else _full_months(value, today)
        case Amount(_, currency) if value is not None:
            return value.amount if value.currency == (currency or own) else None
    return value


def _full_months(start: dt.date, day: dt.date) -> int:
    """Full months as language.md defines them."""
    last = (dt.date(day.year + day.month // 12, day.month % 12 + 1, 1) - dt.timedelta(1)).day
    return (day.year * 12 + day.month) - (start.year * 12 + start.month) - (day.day < min(start.day, last))


# --- candidates -------------------------------------------------------------------------------------------------------


def _candidates(
    subject: Attribute, tests: Sequence[Test], choices: Choices, own: str, today: dt.date
) -> Iterator[Value | None]:
    """Values worth trying, the plainest first; a missing one last."""
    kind = subject.type.kind
    if kind is Kind.MONEY:
        yield from _money(tests, own)
    elif kind is Kind.DATE:
        yield from _dates(tests, today)
    elif kind is Kind.TEXT:
        yield from _texts(tests)
    elif kind is Kind.SET:
        yield frozenset(str(test.operands[0]) for test in tests if test.operator == "includes")
    elif kind in _NUMBERS:
        yield from _NUMBERS[kind](tests)
    elif kind is Kind.FLAG:
        yield from (True, False)
    else:
        yield from subject.type.values or choices.get(kind, ()) or (*_operands(tests), "another")
    yield None


def _operands(tests: Iterable[Test]) -> list[Any]:
    return [value for test in tests for value in test.operands]


def _counts(tests: Sequence[Test]) -> list[int]:
    given = _operands(tests)
    near = {int(value) + step for value in given if abs(value) < 2**63 for step in (-1, 0, 1)}
    return sorted((one for one in near | {0, 1} if one >= 0), key=lambda one: (one == 0, one))


def _whole(tests: Sequence[Test]) -> Iterator[Value]:
    given = _operands(tests)
    near = {math.floor(value) + step for value in given for step in (-1, 0, 1, 2)} | {0, 1}
    yield from sorted((one for one in near if -(2**63) <= one < 2**63), key=lambda one: (one < 0, abs(one)))


def _reals(tests: Sequence[Test]) -> Iterator[Value]:
    given = sorted({float(value) for value in _operands(tests)})
    yield from given
    near = [one for value in given for one in (value + 1, value - 1)]
    near += [(a + b) / 2 for a, b in pairwise(given)]
    near += [math.nextafter(value, to) for value in given for to in (math.inf, -math.inf)]
    yield from (one for one in (*near, 0.0, 1.0) if math.isfinite(one))


def _percents(tests: Sequence[Test]) -> Iterator[Value]:
    given = sorted({Decimal(str(value)) for value in _operands(tests)})
    yield from (one.quantize(Decimal("0.000001")) for one in given)
    yield from (one + step for one in given for step in map(Decimal, (1, -1)))
    yield from ((a + b) / 2 for a, b in pairwise(given))
    yield from (Decimal(0), Decimal(10))


_NUMBERS: Mapping[Kind, Callable[[Sequence[Test]], Iterator[Value]]] = {
    Kind.NUMBER: _reals,
    Kind.COUNT: _whole,
    Kind.PERCENT: _percents,
}


def _money(tests: Sequence[Test], own: str) -> Iterator[Value]:
    """Amounts around the constants, in every currency that is spoken of and in one that is not."""
    amounts = [test.term.currency or own for test in tests if isinstance(test.term, Amount)]
    near = sorted({Decimal(value) for value in _operands(tests)}) or [Decimal(20)]
    for currency in dict.fromkeys((*amounts, own, "USD", "EUR", "JPY")):
        places = exponent(currency)
        least = Decimal(1).scaleb(-places)
        around = [value + step for value in near for step in (Decimal(0), Decimal(1), Decimal(-1), least, -least)]
        for value in (*around, *((a + b) / 2 for a, b in pairwise(near))):
            for minor in {math.floor(value.scaleb(places)), math.ceil(value.scaleb(places))}:
                if abs(minor) < _MOST_MINOR:
                    yield Money(minor, currency)


def _dates(tests: Sequence[Test], today: dt.date) -> Iterator[Value]:
    """Days around the constants; those so many days or months ago that elapsed times speak of."""
    for test in tests:
        for value in test.operands:
            days = [value] if isinstance(value, dt.date) else _days_around(test, int(str(value)), today)
            for day in days:
                yield from (moved for step in (0, -1, 1) if (moved := _moved(day, step)) is not None)
    yield from (one for days in (-200, 0, 200, -400) if (one := _moved(today, days)) is not None)


def _days_around(test: Test, count: int, today: dt.date) -> list[dt.date]:
    if test.operator.endswith("_months") or (isinstance(test.term, Elapsed) and test.term.unit is Unit.MONTHS):
        found = [_months_ago(today, months) for months in (count, count + 1, count - 1)]
    else:
        found = [_moved(today, -count), _moved(today, count), today]
    return [one for one in found if one is not None]


def _moved(day: dt.date, days: int) -> dt.date | None:
    ordinal = day.toordinal() + days
    return dt.date.fromordinal(ordinal) if dt.date.min.toordinal() <= ordinal <= dt.date.max.toordinal() else None


def _months_ago(day: dt.date, months: int) -> dt.date | None:
    """The same day of an earlier month; from the 28th on, the 28th."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, 28)) if dt.MINYEAR <= year <= dt.MAXYEAR else None


def _texts(tests: Sequence[Test]) -> Iterator[Value]:
    for test in tests:
        if test.operator in ("equal", "in"):
            yield from map(str, test.operands)
    parts: dict[str, list[str]] = {}
    for test in tests:
        parts.setdefault(test.operator, []).extend(map(str, test.operands))
    likes = [one.replace("*", "").replace("?", "a") for one in parts.get("like", [])]
    starts, held, ends = (parts.get(name, []) for name in ("starts_with", "contains", "ends_with"))
    longest = [max(some, key=len, default="") for some in (starts, ends)]
    yield from likes
    for filler in ("", "x", "another"):
        yield longest[0] + filler.join(["", *held, *likes, ""]) + longest[1]
    yield from ("", "x", "another")
