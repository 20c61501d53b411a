"""The types of the rule language and the Python values that carry them.

| kind    | value in Python      | note                                                             |
|---------|----------------------|------------------------------------------------------------------|
| text    | str                  | Unicode NFC                                                      |
| number  | float                | finite                                                           |
| count   | int                  | whole                                                            |
| flag    | bool                 |                                                                  |
| enum    | str                  | one of `values`                                                  |
| set     | frozenset[str]       | of `values` (or any text where `values` is empty); empty is known |
| date    | datetime.date        |                                                                  |
| elapsed | int                  | whole `unit`s since the date attribute `since`; never stored     |
| money   | Money                | minor units and a currency                                       |
| percent | Decimal              | 20% is Decimal(20)                                               |
| plan    | str                  | a declared plan                                                  |
| addon   | str                  | a declared add-on                                                |

A missing value is the absence of a value: `None` beside a key, or no key at all.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from dsl.currencies import exponent as exponent


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    FLAG = "flag"
    ENUM = "enum"
    SET = "set"
    DATE = "date"
    ELAPSED = "elapsed"
    MONEY = "money"
    PERCENT = "percent"
    PLAN = "plan"
    ADDON = "addon"


class Unit(StrEnum):
    """Units of elapsed time. Months are full months; a year is 12 of them; days and weeks count days."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class DataType:
    """A kind with what narrows it: the values of an enum or set, the unit and start of an elapsed time."""

    kind: Kind
    values: tuple[str, ...] = ()
    unit: Unit | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: whole minor units (int64) of an ISO 4217 currency."""

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """In major units, exactly."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        places = exponent(self.currency)
        return f"{self.amount:,.{places}f} {self.currency}"


Value = str | float | int | bool | frozenset[str] | dt.date | Money | Decimal
