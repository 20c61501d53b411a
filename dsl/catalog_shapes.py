"""What a value in the catalog may look like: each reader turns one YAML node into a typed value, or refuses it.

Every reader takes the node and what to call it in a message, and answers None after it has noted a diagnostic, so
that one run reports everything that is wrong with a file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import TypeVar
from zoneinfo import available_timezones

from dsl import catalog_errors as errors
from dsl.choices import TimeUnit
from dsl.currencies import DOLLARS, EXPONENTS
from dsl.diagnostics import Diagnostic
from dsl.literals import LONGEST_TIME
from dsl.source import Source, normalised
from dsl.words import RESERVED
from dsl.yaml_reader import Listing, Node, Scalar, Table

T = TypeVar("T")

MOST_MINOR_UNITS = 2**63 - 1
_NAME = re.compile(r"[a-z][a-z0-9_]*")
NUMBER = re.compile(r"-?(0|[1-9]\d*|[1-9]\d{0,2}(_\d{3})+)(\.\d+)?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAYS = re.compile(r"([1-9]\d{0,4})\s*(day|days|week|weeks)")
_DURATION = re.compile(r"([1-9]\d{0,5})\s*(hour|day|week)s?")
_MONTHS = re.compile(r"([1-9]\d?)\s*(month|year)s?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@cache
def zones() -> frozenset[str]:
    """Every time zone that this Python knows."""
    return frozenset(available_timezones())


class Reading:
    """The reading of one file: its source and what was found wrong so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []

    def refuse(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)

    # --- shapes

    def entries(self, node: Node | None, what: str) -> Iterator[tuple[Scalar, Node]]:
        """The keys and values of a table; nothing for a key left empty."""
        if isinstance(node, Table):
            yield from node.entries
        elif node is not None and not (isinstance(node, Scalar) and node.is_empty):
            self.refuse(errors.not_a_table(self.source, node.span, what))

    def table(
        self, node: Node | None, what: str, known: Collection[str], needed: Collection[str] = ()
    ) -> dict[str, Node]:
        """The entries of a table that has only `known` keys; keys left empty are as if absent."""
        found: dict[str, Node] = {}
        for key, value in self.entries(node, what):
            if key.text not in known:
                self.refuse(errors.unknown_key(self.source, key.span, key.text, what, known))
            elif not (isinstance(value, Scalar) and value.is_empty):
                found[key.text] = value
        if isinstance(node, Table) or (isinstance(node, Scalar) and node.is_empty):
            for key_name in needed:
                if key_name not in found:
                    self.refuse(errors.missing_key(self.source, node.span, key_name, what))
        return found

    def items(self, node: Node | None, what: str, read: Callable[[Node, str], T | None]) -> tuple[T, ...]:
        """A list, or a single value standing for a list of one; no value twice."""
        if node is None:
            return ()
        found: list[T] = []
        for item in node.items if isinstance(node, Listing) else (node,):
            value = read(item, what)
            if value is None:
                continue
            if value in found:
                self.refuse(errors.given_twice(self.source, item.span, str(value), what))
            else:
                found.append(value)
        return tuple(found)

    # --- single values

    def text(self, node: Node, what: str) -> str | None:
        if not isinstance(node, Scalar):
            self.refuse(errors.not_a_text(self.source, node.span, what))
            return None
        if node.text == "":
            self.refuse(errors.empty(self.source, node.span, what))
            return None
        return normalised(node.text)

    def name(self, node: Node, what: str) -> str | None:
        """A word that rules will use: lower case, and none of the language's own."""
        if (text := self.text(node, what)) is None:
            return None
        if _NAME.fullmatch(text) is None:
            proposal = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_0123456789")
            self.refuse(errors.not_a_name(self.source, node.span, text, proposal))
            return None
        if text in RESERVED:
            self.refuse(errors.reserved(self.source, node.span, text))
            return None
        return text

    def choice(self, node: Node, what: str, known: Collection[str]) -> str | None:
        text = self.text(node, what)
        if text is None or text in known:
            return text
        self.refuse(errors.not_one_of(self.source, node.span, what, text, known))
        return None

    def known(self, node: Node, what: str, known: Collection[str]) -> str | None:
        """The name of something that the catalog declares elsewhere."""
        text = self.text(node, what)
        if text is None or text in known:
            return text
        self.refuse(errors.unknown(self.source, node.span, what, text, known))
        return None

    def flag(self, node: Node, what: str) -> bool | None:
        """`true` or `false` and nothing else: not yes, on or 1."""
        if (text := self.text(node, what)) is None:
            return None
        if text in ("true", "false"):
            return text == "true"
        self.refuse(errors.not_a_flag(self.source, node.span, what, text))
        return None

    def decimal(self, node: Node, what: str) -> Decimal | None:
        """Exactly as written. `1_000` is a thousand; `0123` is refused, because YAML 1.1 would make it 83."""
        if (text := self.text(node, what)) is None:
            return None
        if NUMBER.fullmatch(text) and len(text) <= 30:
            return Decimal(text.replace("_", ""))
        self.refuse(errors.not_a_number(self.source, node.span, what, text, "1000"))
        return None

    def whole(self, node: Node, what: str, low: int, high: int) -> int | None:
        number = self.decimal(node, what)
        if number is None:
            return None
        if number != int(number) or not low <= number <= high:
            self.refuse(errors.out_of_range(self.source, node.span, f"{what} (a whole number)", low, high))
            return None
        return int(number)

    def percent(self, node: Node, what: str) -> Decimal | None:
        if (text := self.text(node, what)) is None:
            return None
        digits = text.removesuffix("%").rstrip()
        if text.endswith("%") and len(text) <= 12 and NUMBER.fullmatch(digits) and 0 <= Decimal(digits) <= 100:
            return Decimal(digits)
        self.refuse(errors.not_a_percentage(self.source, node.span, what, text))
        return None

    def time(self, node: Node, what: str) -> dt.time | None:
        """`20:00`, in quotes or bare: nobody here reads it as 1,200 sixtieths."""
        if (text := self.text(node, what)) is None:
            return None
        if match := _TIME.fullmatch(text):
            return dt.time(int(match[1]), int(match[2]))
        self.refuse(errors.not_a_time(self.source, node.span, what, text))
        return None

    def days(self, node: Node, what: str) -> int | None:
        """`7 days` or `2 weeks`, in days."""
        if (text := self.text(node, what)) is None:
            return None
        if match := _DAYS.fullmatch(text):
            return int(match[1]) * (7 if match[2].startswith("week") else 1)
        self.refuse(errors.not_days(self.source, node.span, what, text))
        return None

    def duration(self, node: Node, what: str, otherwise: str) -> dt.timedelta | None:
        """`12 hours`, `3 days` or `1 week`, up to a hundred years; `otherwise` is the word that may stand instead."""
        if (text := self.text(node, what)) is None:
            return None
        if match := _DURATION.fullmatch(text):
            count, unit = int(match[1]), TimeUnit(f"{match[2]}s")
            if count <= LONGEST_TIME[unit]:
                return dt.timedelta(**{unit: count})
        self.refuse(errors.not_a_duration(self.source, node.span, what, text, otherwise))
        return None

    def currency(self, node: Node, what: str) -> str | None:
        text = self.text(node, what)
        if text is None or text in EXPONENTS:
            return text
        self.refuse(errors.not_a_currency(self.source, node.span, text, EXPONENTS))
        return None

    def date(self, node: Node, what: str) -> dt.date | None:
        """`2026-03-15`."""
        if (text := self.text(node, what)) is None:
            return None
        with suppress(ValueError):
            if _DATE.fullmatch(text):
                return dt.date.fromisoformat(text)
        self.refuse(errors.not_a_date(self.source, node.span, what, text))
        return None

    def months(self, node: Node, what: str) -> int | None:
        """`3 months` or `1 year`, in months, up to a hundred years."""
        if (text := self.text(node, what)) is None:
            return None
        if match := _MONTHS.fullmatch(text):
            return int(match[1]) * (12 if match[2] == "year" else 1)
        self.refuse(errors.not_months(self.source, node.span, what, text))
        return None

    def zone(self, node: Node, what: str) -> str | None:
        text = self.text(node, what)
        if text is None or text in zones():
            return text
        self.refuse(errors.not_a_zone(self.source, node.span, text, zones()))
        return None


def dollar(currency: str) -> str:
    """What `$` means in a catalog of this currency: the currency itself if it is a dollar, else USD."""
    return currency if currency in DOLLARS else "USD"
