"""Terms against a row of state: what a test reads, and from which attributes.

A row is `Mapping[str, Value]` by attribute key ("subscription.plan"); an absent key, or None, is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dsl.catalog import Owner
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.typed import Amount, Attribute, Elapsed, Term
from engine.moments.calendar import full_months

Row = Mapping[str, Value]

OWN_CURRENCY = Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT))
"""The currency that an amount without one is counted in."""


def read_term(term: Term, row: Row, today: dt.date) -> Value | None:
    """The term's value in `row` on local date `today`; None where it is missing."""
    if isinstance(term, Elapsed):
        return _elapsed(term, row, today)
    if isinstance(term, Amount):
        return _amount(term, row)
    return row.get(term.key)


def attributes_of(term: Term) -> tuple[Attribute, ...]:
    """The stored values a term is made of."""
    if isinstance(term, Elapsed):
        return (term.start,)
    if isinstance(term, Amount):
        return (term.money, OWN_CURRENCY) if term.currency is None else (term.money,)
    return (term,)


def _elapsed(term: Elapsed, row: Row, today: dt.date) -> int | None:
    start = row.get(term.start.key)
    if not isinstance(start, dt.date) or start > today:
        return None
    return (today - start).days if term.unit is Unit.DAYS else full_months(start, today)


def _amount(term: Amount, row: Row) -> Decimal | None:
    money = row.get(term.money.key)
    currency = term.currency or row.get(OWN_CURRENCY.key)
    return money.amount if isinstance(money, Money) and money.currency == currency else None
