"""An event's properties as JSON tells them, read in the types that the catalog declares.

JSON types are strict: a number in quotes is no number. Money is `"12.50 EUR"` (or a bare number, in the catalog's
currency), a percentage `"80%"` or a number of percent, a date `"2026-03-15"`, a set a list of texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from dsl.catalog import Catalog, Moment
from dsl.datatypes import DataType, Kind, Value
from dsl.suggestions import hint
from engine.store.documents import Json, decode
from engine.store.ingest.mapping import Recipe
from engine.store.ingest.values import Refused, money, parser_of

_AS_WRITTEN = Recipe()
_write = json.JSONEncoder(ensure_ascii=False).encode
_TEXTS = (str,)
_NUMBERS = (int, float)

_WRITTEN: dict[Kind, tuple[tuple[type, ...], str]] = {
    Kind.TEXT: (_TEXTS, "a text in quotes"),
    Kind.NUMBER: (_NUMBERS, "a number"),
    Kind.COUNT: ((int,), "a whole number"),
    Kind.FLAG: ((bool,), "true or false"),
    Kind.ENUM: (_TEXTS, "a text in quotes"),
    Kind.SET: ((list,), "a list of texts"),
    Kind.DATE: (_TEXTS, 'a date such as "2026-03-15"'),
    Kind.MONEY: ((str, int, float), 'an amount such as "12.50 EUR"'),
    Kind.PERCENT: ((str, int, float), 'a percentage such as "80%"'),
    Kind.PLAN: (_TEXTS, "a text in quotes"),
    Kind.ADDON: (_TEXTS, "a text in quotes"),
}


class PropertyRefused(Exception):
    """A property that is not declared, or no value of its type."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name, self.reason = name, reason


def read_properties(catalog: Catalog, moment: Moment, given: Mapping[str, Json]) -> dict[str, Value]:
    """The values of an event's properties by bare name; null is missing. Raises PropertyRefused for the first fault."""
    found: dict[str, Value] = {}
    for name, value in given.items():
        declared = moment.properties.get(name)
        if declared is None:
            near = hint(name, moment.properties.keys())
            raise PropertyRefused(name, f"“{moment.name}” has no property “{name}”" + (f"; {near}" if near else ""))
        if value is not None:
            found[name] = _read(catalog, name, declared, value)
    return found


def _read(catalog: Catalog, name: str, declared: DataType, value: Json) -> Value:
    types, expected = _WRITTEN[declared.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and declared.kind is not Kind.FLAG):
        raise PropertyRefused(name, f"“{name}” should be {expected}")
    text = value if isinstance(value, str) else _write(value)
    try:
        if declared.kind is Kind.MONEY:
            bare = None if isinstance(value, str) else catalog.currency
            return decode(declared, money(text, bare))
        return decode(declared, parser_of(declared, _AS_WRITTEN, catalog, None)(text))
    except Refused as refusal:
        raise PropertyRefused(name, f"“{name}” {refusal}") from None
