"""The stored form of values: what the JSON documents of the store hold.

| kind            | stored                | example         |
|-----------------|-----------------------|-----------------|
| text, enum, plan, add-on | string       | `"basic"`       |
| number          | number                | `7.5`           |
| count           | integer               | `3`             |
| flag            | boolean               | `true`          |
| date            | ISO 8601 string       | `"2026-03-15"`  |
| money           | `[minor, currency]`   | `[2999, "USD"]` |
| percent         | decimal string        | `"20.5"`        |
| set             | sorted list           | `["a", "b"]`    |

An elapsed time is never stored: it is counted from its date.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from dsl.catalog import AttributeDeclaration
from dsl.datatypes import DataType, Kind, Money, Value

Json = Any
"""What the standard library's `json` reads and writes."""


def encode(data_type: DataType, value: Value) -> Json:
    """The stored form of a present value of this type."""
    match data_type.kind:
        case Kind.DATE:
            return cast(dt.date, value).isoformat()
        case Kind.MONEY:
            money = cast(Money, value)
            return [money.minor, money.currency]
        case Kind.PERCENT:
            return format(cast(Decimal, value).normalize(), "f")
        case Kind.SET:
            return sorted(cast(frozenset[str], value))
        case Kind.NUMBER:
            return float(cast(float, value)) + 0.0  # no negative zero: databases disagree about it
        case Kind.ELAPSED:
            raise TypeError("an elapsed time is not stored")
        case _:
            return value


def decode(data_type: DataType, stored: Json) -> Value:
    """The value whose stored form this is."""
    match data_type.kind:
        case Kind.DATE:
            return dt.date.fromisoformat(stored)
        case Kind.MONEY:
            return Money(stored[0], stored[1])
        case Kind.PERCENT:
            return Decimal(stored)
        case Kind.SET:
            return frozenset(stored)
        case Kind.NUMBER:
            return float(stored)
        case Kind.ELAPSED:
            raise TypeError("an elapsed time is not stored")
        case _:
            return cast(Value, stored)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def dump(document: Json) -> str:
    """The one text of a stored document: keys sorted, no spaces, so that equal documents have equal texts."""
    return _CANONICAL.encode(document)


def encode_document(types: Mapping[str, DataType], values: Mapping[str, Value]) -> dict[str, Json]:
    """The document of the values that have a type here, by bare name; elapsed times are left out."""
    return {
        name: encode(data_type, values[name])
        for name, data_type in types.items()
        if name in values and data_type.kind is not Kind.ELAPSED
    }


def decode_document(declared: Mapping[str, AttributeDeclaration], document: Mapping[str, Json]) -> dict[str, Value]:
    """The declared values of a document, keyed as a row of state has them: `customer.country`."""
    known = ((declared.get(name), stored) for name, stored in document.items())
    return {one.key: decode(one.type, stored) for one, stored in known if one is not None}
