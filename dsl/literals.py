"""Numbers, money, dates, times and text as authors write them; other people's spellings are refused with the right one.

`Places` tells where a piece of text stands. Each function gives the node of one literal or raises `Refused`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal

from dsl import parse_errors as errors
from dsl.choices import TimeUnit
from dsl.currencies import exponent
from dsl.parse_errors import Refused
from dsl.source import Source, Span
from dsl.syntax import Date, Duration, Money, Number, Percent, Text

# Beyond this a float is no longer exact.
MAX_DIGITS = 15

# A hundred years.
LONGEST_TIME = {
    TimeUnit.HOURS: 876_600,
    TimeUnit.DAYS: 36_525,
    TimeUnit.WEEKS: 5_218,
    TimeUnit.MONTHS: 1_200,
    TimeUnit.YEARS: 100,
}

_UNITS = {unit[:-1]: unit for unit in TimeUnit} | {str(unit): unit for unit in TimeUnit}
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_ESCAPED = re.compile(r'\\(["\\])')


def decimal(source: Source, span: Span, digits: str) -> Decimal:
    """`digits` is what the author wrote, without a sign, `$` or `%`, which `span` may include."""
    if "_" in digits or "," in digits:
        plain = re.sub("[_,]", "", digits)
        raise Refused(errors.number_format(source, span, source.slice(span).replace(digits, plain)))
    if len(digits) - ("." in digits) > MAX_DIGITS:
        raise Refused(errors.number_too_large(source, span, MAX_DIGITS))
    return Decimal(digits)


def number(source: Source, span: Span, written: str) -> Number:
    return Number(decimal(source, span, written), span)


def whole(source: Source, span: Span, written: str) -> int:
    value = decimal(source, span, written)
    if value != value.to_integral_value():
        raise Refused(errors.whole_number(source, span))
    return int(value)


def percent(source: Source, span: Span, written: str) -> Percent:
    return Percent(decimal(source, span, written[:-1].rstrip()), span)


def money(source: Source, span: Span, digits: str, currency: str | None) -> Money:
    """`currency` is upper case, None for `$` (which has two decimals wherever it is used)."""
    amount = decimal(source, span, digits)
    places = exponent(currency) if currency else 2
    exponent_of_amount = amount.as_tuple().exponent
    if isinstance(exponent_of_amount, int) and -exponent_of_amount > places:
        raise Refused(errors.too_many_decimals(source, span, currency or "dollars", places))
    return Money(amount, currency, span)


def unit(written: str) -> TimeUnit:
    return _UNITS[written.lower()]


def duration(source: Source, span: Span, written: str, of: TimeUnit) -> Duration:
    count = decimal(source, span, written)
    if count != count.to_integral_value():
        raise Refused(errors.fraction_of_time(source, span))
    if count > LONGEST_TIME[of]:
        raise Refused(errors.time_too_long(source, span))
    return Duration(int(count), of, span)


def date(source: Source, span: Span, written: str) -> Date:
    match = _ISO_DATE.fullmatch(written)
    if match is None:
        raise Refused(errors.date_format(source, span, _iso(written)))
    year, month, day = map(int, match.groups())
    try:
        return Date(dt.date(year, month, day), span)
    except ValueError:
        raise Refused(errors.no_such_date(source, span)) from None


def _iso(written: str) -> str | None:
    """The date meant by 2026-2-3, 27.11.2026 or 11/27/2026, if only one can be meant."""
    first, second, third = (int(part) for part in re.split(r"[-./]", written))
    if "-" in written:
        year, month, day = first, second, third
    elif "." in written or first > 12:
        year, month, day = third, second, first
    elif second > 12:
        year, month, day = third, first, second
    else:
        return None
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return None


def text(span: Span, written: str) -> Text:
    inside = unicodedata.normalize("NFC", written[1:-1])
    return Text(_ESCAPED.sub(r"\1", inside), span)
