"""Amounts of money in the catalog: `10 USD`, `$10`, or `10` in the currency that is meant there."""

from __future__ import annotations

import re
from decimal import Decimal

from dsl import catalog_errors as errors
from dsl import price_errors
from dsl.catalog_shapes import MOST_MINOR_UNITS, NUMBER, Reading, dollar
from dsl.currencies import EXPONENTS, exponent
from dsl.datatypes import Money
from dsl.yaml_reader import Node

_MONEY = re.compile(r"(?:(?P<sign>[$€£])\s*)?(?P<amount>-?[\d_.]+)(?:\s*(?P<currency>[A-Za-z]+))?")
_SIGNS = {"€": "EUR", "£": "GBP"}


def read_money(reading: Reading, node: Node, what: str, currency: str) -> Money | None:
    """An amount that can be paid: whole minor units, none below zero."""
    if (found := read_rate(reading, node, what, currency)) is None:
        return None
    minor, unit = found
    if minor != minor.to_integral_value():
        reading.refuse(errors.not_money(reading.source, node.span, what, reading.source.slice(node.span)))
        return None
    return Money(int(minor), unit)


def read_rate(reading: Reading, node: Node, what: str, currency: str) -> tuple[Decimal, str] | None:
    """Minor units, which may be fractions of one, and their currency."""
    if (text := reading.text(node, what)) is None:
        return None
    match = _MONEY.fullmatch(text)
    is_number = match is not None and NUMBER.fullmatch(match["amount"]) is not None
    if match is None or not is_number or len(text) > 30 or (match["sign"] and match["currency"]):
        reading.refuse(errors.not_money(reading.source, node.span, what, text))
        return None
    unit = match["currency"] or _SIGNS.get(match["sign"] or "") or (dollar(currency) if match["sign"] else currency)
    if unit not in EXPONENTS:
        reading.refuse(errors.not_a_currency(reading.source, node.span, unit, EXPONENTS))
        return None
    minor = Decimal(match["amount"].replace("_", "")).scaleb(exponent(unit))
    if minor < 0:
        reading.refuse(price_errors.negative(reading.source, node.span, what))
        return None
    if minor > MOST_MINOR_UNITS:
        reading.refuse(errors.not_money(reading.source, node.span, what, text))
        return None
    return minor, unit
