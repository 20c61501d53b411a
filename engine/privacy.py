"""Personal data stays out of receipts, samples and logs: a value is shown, or it is masked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from dsl.catalog import Catalog
from dsl.datatypes import Money, Value

MASK = "•••"

Row = Mapping[str, Value]


def personal_keys(catalog: Catalog) -> frozenset[str]:
    """The keys of a row of state that name personal attributes: `customer.email`."""
    declared = (*catalog.customer.values(), *catalog.subscription.values())
    return frozenset(each.key for each in declared if each.personal)


def shown(value: Value | None) -> str:
    """A value as a person reads it in a receipt or a sample."""
    match value:
        case None:
            return "missing"
        case bool():
            return "yes" if value else "no"
        case frozenset():
            return ", ".join(sorted(value)) or "none"
        case dt.date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case Decimal():
            return f"{value:f}%"
        case Money():
            return str(value)
        case _:
            return str(value)


def masked(key: str, value: Value | None, personal: frozenset[str]) -> str:
    """`shown`, unless the key is personal and there is something to hide."""
    return MASK if key in personal and value is not None else shown(value)
