"""One text of a file into one stored value, or the reason why not.

A parser is `text -> stored value | None` (None is missing) and raises Refused with a reason that reads after the
value: "“abc” is not a number". Each distinct text of a block is parsed once, so these can be exact instead of fast.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from dsl.catalog import Catalog
from dsl.datatypes import DataType, Kind, Unit, exponent
from dsl.suggestions import closest, listed
from engine.store.documents import Json
from engine.store.ingest.mapping import NO, YES, Recipe

LONGEST_ID = 200
LONGEST_SOURCE = 64
LONGEST_TEXT = 10_000
INT64 = 2**63 - 1
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2200, 12, 31)
EPOCH = dt.date(1970, 1, 1)
PERCENT_PLACES, LARGEST_PERCENT = 6, Decimal(10) ** 9

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_MONEY = re.compile(r"(?:([A-Z]{3}) ?)?([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?: ?([A-Z]{3}))?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})([T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)

Parser = Callable[[str], Json]


class Refused(Exception):
    """A text that is no value of its type; the message is the reason."""


def parser_of(data_type: DataType, recipe: Recipe, catalog: Catalog, as_of: dt.date | None) -> Parser:
    """The parser of an attribute's texts. Money is `money`'s, because a currency may come from a column."""
    match data_type.kind:
        case Kind.TEXT:
            return clean
        case Kind.NUMBER:
            return lambda text: number(text, recipe.times)
        case Kind.COUNT:
            return count
        case Kind.FLAG:
            return lambda text: flag(text, recipe.yes, recipe.no)
        case Kind.ENUM:
            return lambda text: member(text, data_type.values)
        case Kind.SET:
            return lambda text: set_of(text, data_type.values, recipe.separator)
        case Kind.DATE if recipe.elapsed is not None and as_of is not None:
            return lambda text: start_before(text, recipe.elapsed or Unit.MONTHS, as_of)
        case Kind.DATE:
            return lambda text: date(text, recipe.format, recipe.unit)
        case Kind.PERCENT:
            return lambda text: percent(text, recipe.unit == "share")
        case Kind.PLAN:
            return lambda text: word(text, "plan", catalog.plans)
        case Kind.ADDON:
            return lambda text: word(text, "add-on", catalog.addons)
        case _:
            raise AssertionError(data_type.kind)


# --- texts and words -------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Unicode NFC, without control characters."""
    if not text.isprintable():
        for character in text:
            if unicodedata.category(character) in ("Cc", "Cs"):
                raise Refused(f"has an unreadable character (U+{ord(character):04X})")
    if len(text) > LONGEST_TEXT:
        raise Refused(f"is longer than {LONGEST_TEXT:,} characters")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def identity(text: str) -> str:
    if len(text) > LONGEST_ID:
        raise Refused(f"is longer than {LONGEST_ID} characters")
    return clean(text)


def source(text: str) -> str:
    if len(text) > LONGEST_SOURCE:
        raise Refused(f"is longer than {LONGEST_SOURCE} characters")
    return clean(text)


def member(text: str, values: Collection[str]) -> str:
    text = clean(text)
    if text not in values:
        raise Refused(f"is not one of {_some(values)}" + _meant(text, values))
    return text


def word(text: str, what: str, known: Mapping[str, object]) -> str:
    """A declared name; names are looked up without case."""
    name = clean(text).lower()
    if name not in known:
        raise Refused(f"is no {what} of the catalog" + _meant(name, known))
    return name


def set_of(text: str, values: Collection[str], separator: str) -> list[str]:
    """Members by separator, or a JSON list as the readers of JSON lines and Parquet write it (`[]` is known)."""
    parts = _listed(text) if text.startswith("[") else text.split(separator)
    members = {clean(part.strip()) for part in parts if part.strip()}
    if values:
        members = {member(one, values) for one in members}
    return sorted(members)


def _listed(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except ValueError:
        raise Refused("is no list") from None
    if not all(isinstance(item, str) for item in items):
        raise Refused("is no list of texts")
    return list(items)


def flag(text: str, yes: Collection[str] = YES, no: Collection[str] = NO) -> bool:
    low = text.lower()
    if low in yes:
        return True
    if low in no:
        return False
    raise Refused("is neither yes nor no")


def _some(values: Collection[str]) -> str:
    return listed(list(values), "or") if len(values) <= 12 else f"its {len(values)} values"


def _meant(text: str, known: Collection[str]) -> str:
    near = closest(text, known)
    return f" (did you mean {near}?)" if near else ""


# --- numbers ---------------------------------------------------------------------------------------------------------


def number(text: str, times: Decimal | None = None) -> float:
    if not _NUMBER.fullmatch(text):
        raise Refused("is not a finite number" if _NOT_FINITE.fullmatch(text) else "is not a number")
    value = float(text) if times is None else float(Decimal(text) * times)
    if not math.isfinite(value):
        raise Refused("is too large for a number")
    return value + 0.0


def count(text: str) -> int:
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise Refused("is not a whole number")
    value = int(found[1]) if len(text) < 40 else INT64 + 1
    if abs(value) > INT64:
        raise Refused("is too large for a whole number")
    return value


def percent(text: str, share: bool = False) -> str:
    """Percent as exact decimal text: `20`, `20%` and, as a share, `0.2` are all "20"."""
    bare = text.removesuffix("%").rstrip()
    if not _DECIMAL.fullmatch(bare):
        raise Refused("is not a percentage")
    value = Decimal(bare) * (100 if share and bare == text else 1)
    if abs(value) > LARGEST_PERCENT:
        raise Refused("is too large for a percentage")
    if value != round(value, PERCENT_PLACES):
        raise Refused(f"has more than {PERCENT_PLACES} decimals")
    return format(value.normalize(), "f") if value else "0"


def money(text: str, currency: str | None, usual: str | None = None, minor: bool = False) -> list[int | str]:
    """`[minor units, currency]`. The currency is the stated one, else the one written beside the amount, else usual."""
    found = _MONEY.fullmatch(text)
    if found is None:
        raise Refused("is not an amount of money")
    written = found[1] or found[3]
    code = currency or written or usual
    if code is None:
        raise Refused("has no currency")
    if (found[1] and found[3]) or (written and written != code):
        raise Refused(f"is not in {code}")
    amount = Decimal(found[2])
    units = amount if minor else amount.scaleb(exponent(code))
    if abs(units) > INT64:
        raise Refused("is too large for an amount of money")
    if units != units.to_integral_value():
        raise Refused(f"has more decimals than {code} has")
    return [int(units), code]


def currency_code(text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        raise Refused("is no currency code such as USD")
    return text


# --- dates and instants ----------------------------------------------------------------------------------------------


def date(text: str, pattern: str | None = None, unit: str | None = None) -> str:
    """An ISO date; 1970-01-01 and dates beyond 1900 to 2200 are nobody's."""
    if unit is not None:
        day = _since_epoch(text, unit).date()
    elif pattern is not None:
        day = _by_format(text, pattern).date()
    else:
        found = _DATE.fullmatch(text)
        if found is None:
            raise Refused("is no date such as 2026-03-31")
        try:
            day = dt.date.fromisoformat(found[1])
        except ValueError:
            raise Refused("is a day that does not exist") from None
    return plausible(day).isoformat()


def plausible(day: dt.date) -> dt.date:
    if day == EPOCH:
        raise Refused("is 1970-01-01, which stands for a missing date in many systems")
    if not EARLIEST <= day <= LATEST:
        raise Refused(f"is absurdly far away (before {EARLIEST.year} or after {LATEST.year})")
    return day


def start_before(text: str, unit: Unit, as_of: dt.date) -> str:
    """The date since which so many full units have passed on `as_of` (inverse of language.md's full months).

    For months the day of the month is `as_of`'s, clamped to the start's month: 31 March less one month is 28 February,
    and from 28 February to 31 March is one full month.
    """
    found = _WHOLE.fullmatch(text)
    if found is None or len(text) > 12 or int(found[1]) < 0:
        raise Refused(f"is no whole number of {unit}")
    passed = int(found[1])
    try:
        match unit:
            case Unit.DAYS | Unit.WEEKS:
                start = as_of - dt.timedelta(days=passed * (7 if unit is Unit.WEEKS else 1))
            case _:
                start = _months_before(as_of, passed * (12 if unit is Unit.YEARS else 1))
    except (ValueError, OverflowError):
        raise Refused("is absurdly long ago") from None
    return plausible(start).isoformat()


def _months_before(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def instant(text: str, recipe: Recipe) -> dt.datetime:
    """An aware UTC instant; a time without a zone is in the recipe's."""
    if recipe.unit is not None:
        moment = _since_epoch(text, recipe.unit)
    elif recipe.format is not None:
        moment = _by_format(text, recipe.format)
    else:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise Refused("is no time such as 2026-03-31T09:30:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(recipe.timezone))
    try:
        moment = moment.astimezone(dt.UTC)
    except OverflowError:
        raise Refused("is absurdly far away") from None
    if moment.time() == dt.time() or moment.date() != EPOCH:
        plausible(moment.date())
    return moment


def _since_epoch(text: str, unit: str) -> dt.datetime:
    if not _NUMBER.fullmatch(text):
        raise Refused(f"is no number of {unit}")
    seconds = Decimal(text) * {"days": Decimal(86400), "seconds": Decimal(1), "milliseconds": Decimal("0.001")}[unit]
    try:
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise Refused("is absurdly far away") from None


def _by_format(text: str, pattern: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 (the caller adds the zone)
    except ValueError:
        raise Refused(f"is not written as {pattern}") from None
