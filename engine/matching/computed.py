"""Terms by the book: stored values, what a history tells, and arithmetic on both."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

from dsl.datatypes import Kind, Money, Value
from dsl.typed import (
    Amount,
    Arithmetic,
    Constant,
    CountOf,
    DecidedCount,
    Elapsed,
    Events,
    Historic,
    LastOf,
    QuotaOf,
    SinceLast,
    SumOf,
    Term,
    UsageOf,
)
from engine.matching.history import Happened, History
from engine.matching.terms import OWN_CURRENCY, NotStored, Row, elapsed, looked_up, read_term, stored

EXACT = Context(prec=60)
"""Digits for money: sums and products of anything that can be stored are exact; a quotient has this many."""

MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads terms from one row on one local date. `counts` says whether an event satisfies the `where` of events."""

    row: Row
    today: dt.date
    history: History | None
    counts: Callable[[Events, Happened], bool]

    def read(self, term: Term) -> Value | None:
        """The term's value, None where it is missing; of the past from the row, where there is no history.

        Raises NotStored where neither has it.
        """
        if self.history is None and isinstance(term, Historic):
            return looked_up(term, self.row)
        match term:
            case Constant(value):
                return value
            case Arithmetic():
                return self._arithmetic(term)
            case CountOf(events):
                return sum(1 for _ in self._events(events))
            case SumOf():
                return self._sum(term)
            case LastOf(events):
                last = self._last(events)
                return None if last is None else self._past(term).local_date(last)
            case Elapsed(start=LastOf() as last_of, unit=unit):
                day = self.read(last_of)
                return elapsed(day, unit, self.today) if isinstance(day, dt.date) else None
            case SinceLast(events):
                last = self._last(events)
                return None if last is None else self._past(term).since(last) // MICROSECOND
            case UsageOf(meter):
                return self._past(term).usage.get(meter)
            case QuotaOf(meter):
                return self._past(term).quota.get(meter)
            case DecidedCount():
                return self._past(term).decided(term)
        return read_term(stored(term), self.row, self.today)

    # --- what happened

    def _past(self, term: object) -> History:
        if self.history is None:
            raise NotStored(term)
        return self.history

    def _events(self, events: Events) -> Iterator[Happened]:
        past = self._past(events)
        for event in past.events:
            if event.moment == events.moment and past.within(event.at, events.window) and self.counts(events, event):
                yield event

    def _last(self, events: Events) -> dt.datetime | None:
        return max((event.at for event in self._events(events)), default=None)

    def _sum(self, term: SumOf) -> Value:
        values = [event.properties.get(term.property.name) for event in self._events(term.events)]
        if term.property.type.kind is not Kind.MONEY:
            return total([float(value) for value in values if isinstance(value, int | float)])
        currency = term.currency or self.row.get(OWN_CURRENCY.key)
        amounts = (value.amount for value in values if isinstance(value, Money) and value.currency == currency)
        with localcontext(EXACT):
            return sum(amounts, Decimal(0))

    # --- arithmetic

    def _arithmetic(self, term: Arithmetic) -> Value | None:
        left: Any = self.read(term.left)
        right: Any = self.read(term.right)
        if left is None or right is None or (term.operator == "/" and right == 0):
            return None
        if isinstance(left, float) or isinstance(right, float):
            left, right = float(left), float(right)
        with localcontext(EXACT):
            result = _OPERATIONS[term.operator](left, right)
        return _finite(result) if term.type.kind is Kind.NUMBER or isinstance(result, float) else result


def total(numbers: list[float]) -> float:
    """The sum in whatever order the numbers come, rounded once; infinite where no number can hold it."""
    try:
        return math.fsum(numbers)
    except OverflowError:
        return sum(numbers)


def _finite(result: Any) -> float | None:
    """As a number; None where it is too large for one."""
    try:
        number = float(result)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}

# --- for people ------------------------------------------------------------------------------------------------------


def read_for_people(term: Term, reader: Reader) -> Value | None:
    """What a receipt shows of a term: money with its currency, the time since an event in days or hours."""
    value = reader.read(term)
    if isinstance(term, Amount):
        return reader.row[term.money.key] if value is not None else None
    if isinstance(term, SinceLast) and isinstance(value, int):
        return _ago(value * MICROSECOND)
    if isinstance(value, Decimal) and (currency := _currency(term, reader.row)):
        return f"{value.normalize(EXACT):,f} {currency}"
    return value


def _ago(past: dt.timedelta) -> str:
    days, hours = past.days, past.seconds // 3600
    return f"{days} day{'' if days == 1 else 's'} ago" if days else f"{hours} hour{'' if hours == 1 else 's'} ago"


def _currency(term: Term, row: Row) -> str | None:
    """The currency that a sum or a computed amount is in; None where it is no money."""
    match term:
        case Arithmetic(left=left, right=right, type=type_) if type_.kind is Kind.MONEY:
            return _currency(left, row) or _currency(right, row)
        case Amount(currency=currency) | SumOf(currency=currency) if currency:
            return currency
        case Amount() | SumOf():
            own = row.get(OWN_CURRENCY.key)
            return None if own is None else str(own)
    return None
