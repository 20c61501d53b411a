"""Rows of state for one customer at a time, straight from stored documents: only what somebody reads is decoded.

What `store.state` decodes whole is decoded here by a table of the wanted names, worked out once a plan: of a document
of thirty attributes rules read five. The values are those that a batch's columns give back as a row.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dsl.catalog import Owner
from dsl.datatypes import Kind, Money, Value
from dsl.typed import Attribute

Row = dict[str, Value]
Decoder = Callable[[Any], Value] | None
"""From the stored form; None where that is the value."""

_DECODERS: Mapping[Kind, Decoder] = {
    Kind.DATE: dt.date.fromisoformat,
    Kind.MONEY: lambda stored: Money(*stored),
    Kind.PERCENT: Decimal,
    Kind.SET: frozenset,
    Kind.NUMBER: float,
}

_BUILT_IN = {
    "customer.id",
    "customer.timezone",
    "customer.tags",
    "subscription.id",
    "subscription.currency",
    "subscription.addons",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as it is stored; `addons` and `attributes` are JSON texts."""

    id: str
    status: str | None
    currency: str
    addons: str
    attributes: str


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as stored, with the subscriptions by id; `tags` and `attributes` are JSON texts."""

    id: str
    timezone: str | None
    zone: str
    tags: str
    attributes: str
    held: tuple[Held, ...]


class Shape:
    """Which values of a customer and a subscription somebody reads; elapsed times are counted from their dates."""

    def __init__(self, attributes: Iterable[Attribute]) -> None:
        stored = [one for one in attributes if one.type.kind is not Kind.ELAPSED]
        self._built_in = {one.key for one in stored if one.key in _BUILT_IN}
        self._customer = _wanted(stored, Owner.CUSTOMER)
        self._subscription = _wanted(stored, Owner.SUBSCRIPTION)

    def customer(self, person: Person) -> Row:
        """What is known of the customer."""
        row: Row = _decoded(self._customer, person.attributes)
        if "customer.id" in self._built_in:
            row["customer.id"] = person.id
        if "customer.timezone" in self._built_in and person.timezone is not None:
            row["customer.timezone"] = person.timezone
        if "customer.tags" in self._built_in:
            row["customer.tags"] = frozenset(json.loads(person.tags))
        return row

    def subscription(self, held: Held) -> Row:
        """What is known of the subscription alone."""
        row: Row = _decoded(self._subscription, held.attributes)
        if "subscription.id" in self._built_in:
            row["subscription.id"] = held.id
        if "subscription.currency" in self._built_in:
            row["subscription.currency"] = held.currency
        if "subscription.addons" in self._built_in:
            row["subscription.addons"] = frozenset(json.loads(held.addons))
        return row


def _wanted(attributes: Iterable[Attribute], owner: Owner) -> list[tuple[str, str, Decoder]]:
    mine = {one.key: one for one in attributes if one.owner is owner and one.key not in _BUILT_IN}
    return [(one.name, key, _DECODERS.get(one.type.kind)) for key, one in mine.items()]


def _decoded(wanted: Iterable[tuple[str, str, Decoder]], document: str) -> Row:
    if not wanted:
        return {}
    row: Row = {}
    stored = json.loads(document)
    for name, key, decode in wanted:
        value = stored.get(name)
        if value is not None:
            row[key] = value if decode is None else decode(value)
    return row
