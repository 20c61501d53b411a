"""Stored terms against a row of state: what a test reads of one attribute.

A row is `Mapping[str, Value]` by attribute key ("subscription.plan"); an absent key, or None, is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.typed import Amount, Attribute, Elapsed, Stored, Term
from engine.moments.calendar import full_months

Row = Mapping[str, Value]

OWN_CURRENCY = Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT))
"""The currency that an amount without one is counted in."""


class NotStored(TypeError):
    """A condition asks for more than stored values: the forms for many rows have no answer, only the reference has."""


def stored(term: Term) -> Stored:
    """The term, if a row of state has all of it. Raises NotStored."""
    if isinstance(term, Attribute | Amount) or (isinstance(term, Elapsed) and isinstance(term.start, Attribute)):
        return term
    raise NotStored(term)


def start_of(term: Elapsed) -> Attribute:
    """The date an elapsed time counts from. Raises NotStored where that is an event's."""
    if isinstance(term.start, Attribute):
        return term.start
    raise NotStored(term)


def read_term(term: Stored, row: Row, today: dt.date) -> Value | None:
    """The term's value in `row` on local date `today`; None where it is missing."""
    if isinstance(term, Elapsed):
        start = row.get(start_of(term).key)
        return elapsed(start, term.unit, today) if isinstance(start, dt.date) else None
    if isinstance(term, Amount):
        return _amount(term, row)
    return row.get(term.key)


def attributes_of(term: Stored) -> tuple[Attribute, ...]:
    """The stored values a term is made of."""
    if isinstance(term, Elapsed):
        return (start_of(term),)
    if isinstance(term, Amount):
        return (term.money, OWN_CURRENCY) if term.currency is None else (term.money,)
    return (term,)


def elapsed(start: dt.date, unit: Unit, today: dt.date) -> int | None:
    """Whole days or months from `start` to `today`; None where it lies in the future."""
    if start > today:
        return None
    return (today - start).days if unit is Unit.DAYS else full_months(start, today)


def _amount(term: Amount, row: Row) -> Decimal | None:
    money = row.get(term.money.key)
    currency = term.currency or row.get(OWN_CURRENCY.key)
    return money.amount if isinstance(money, Money) and money.currency == currency else None
