"""Terms against a row of state: what a test reads of one attribute, or of what was looked up of the past.

A row is `Mapping[str, Value]` by key ("subscription.plan"). An absent attribute, or None, is missing; a term of what
happened before is missing where it is None, and was not looked up where it is absent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.typed import Amount, Attribute, Elapsed, Historic, Stored, Term
from engine.matching.keys import key_of
from engine.moments.calendar import full_months

Row = Mapping[str, Value]

OWN_CURRENCY = Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT))
"""The currency that an amount without one is counted in."""


class NotStored(TypeError):
    """A condition asks what happened before, and nobody has looked."""


def stored(term: Term) -> Stored:
    """The term, if a row of state has all of it. Raises NotStored."""
    if isinstance(term, Attribute | Amount) or (isinstance(term, Elapsed) and isinstance(term.start, Attribute)):
        return term
    raise NotStored(term)


def looked_up(term: Historic, row: Row) -> Value | None:
    """What was found of the past for this row; None where it is missing. Raises NotStored where nobody looked."""
    key = key_of(term)
    if key not in row:
        raise NotStored(term)
    return row[key]


def read_term(term: Stored, row: Row, today: dt.date) -> Value | None:
    """The term's value in `row` on local date `today`; None where it is missing."""
    if isinstance(term, Elapsed):
        start = row.get(key_of(term.start))
        return elapsed(start, term.unit, today) if isinstance(start, dt.date) else None
    if isinstance(term, Amount):
        return _amount(term, row)
    return row.get(term.key)


def elapsed(start: dt.date, unit: Unit, today: dt.date) -> int | None:
    """Whole days or months from `start` to `today`; None where it lies in the future."""
    if start > today:
        return None
    return (today - start).days if unit is Unit.DAYS else full_months(start, today)


def _amount(term: Amount, row: Row) -> Decimal | None:
    money = row.get(term.money.key)
    currency = term.currency or row.get(OWN_CURRENCY.key)
    return money.amount if isinstance(money, Money) and money.currency == currency else None
