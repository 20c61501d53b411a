"""The made-up customer of a test: a row of state, a history and the instant at which the moment is met.

What a test does not say is: one active subscription without add-ons, billed monthly in the catalog's currency; consent
given for every channel; no tags; the quota that plan and add-ons give. Everything else is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dsl.catalog import Catalog, MomentKind, Owner
from dsl.datatypes import Value
from dsl.operators import months_from
from dsl.typed import Window
from dsl.typed_tests import RuleTest
from engine.matching.history import MONTHS, SPANS, Decided, Happened, History
from engine.matching.terms import Row
from engine.moments.calendar import due_instant
from engine.store.quotas import quota_of
from engine.store.zones import resolve_zone

CUSTOMER, SUBSCRIPTION = "customer", "subscription"
"""Their ids."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """`row` as rules read it, the moment's properties among it; `history` up to the instant `history.at`."""

    row: Row
    zone: str
    history: History


def made_up(catalog: Catalog, test: RuleTest) -> MadeUp:
    """The customer that a test describes, at the instant of its moment: `send_at` of their local day."""
    row = {**dict(_defaults(catalog)), **test.given.values}
    row = {key: value for key, value in row.items() if key not in test.given.missing}
    zone = resolve_zone(catalog, _text(row, "customer.timezone"), _text(row, "customer.country")).name
    at = due_instant(test.day, catalog.policies.send_at, zone)
    history = History(
        at,
        ZoneInfo(zone),
        tuple(_events(catalog, test, at, zone)),
        tuple(Decided(one.verb, one.product, before(at, one.ago, zone)) for one in test.given.decisions),
        test.given.usage,
        {**_quota(catalog, row), **test.given.quota},
    )
    asked_by_moment = {
        f"event.{test.moment.moment}.{key.removeprefix('event.')}": value
        for key, value in row.items()
        if key.startswith("event.")
    }
    return MadeUp({**row, **asked_by_moment}, zone, history)


def _text(row: Row, key: str) -> str | None:
    value = row.get(key)
    return None if value is None else str(value)


def _defaults(catalog: Catalog) -> Iterator[tuple[str, Value]]:
    yield "customer.id", CUSTOMER
    yield "customer.tags", frozenset()
    yield "subscription.id", SUBSCRIPTION
    yield "subscription.addons", frozenset()
    yield "subscription.currency", catalog.currency
    for name, value in (("status", "active"), ("billing_interval", "month")):
        declared = catalog.subscription.get(name)
        if declared is not None and value in declared.type.values:
            yield declared.key, value
    for flag in catalog.policies.consent.values():
        yield f"{Owner.CUSTOMER}.{flag}", True


def _quota(catalog: Catalog, row: Row) -> dict[str, float]:
    """By meter, what the plan gives and the add-ons add."""
    held = row.get("subscription.addons")
    addons = held if isinstance(held, frozenset) else frozenset()
    found = {meter: quota_of(catalog, row.get("subscription.plan"), addons, meter) for meter in catalog.meters}
    return {meter: quota for meter, quota in found.items() if quota is not None}


def _events(catalog: Catalog, test: RuleTest, at: dt.datetime, zone: str) -> Iterator[Happened]:
    """Those given, and the one that makes the occasion if the moment is an event."""
    for one in test.given.events:
        for _ in range(one.count):
            yield Happened(one.moment, before(at, one.ago, zone), one.properties)
    declared = catalog.moments.get(test.moment.moment)
    if declared is not None and declared.kind in (MomentKind.EVENT, MomentKind.CROSSING):
        own = {key.removeprefix("event."): value for key, value in test.given.values.items() if key[:6] == "event."}
        yield Happened(declared.name, at - test.moment.delay, own)


def before(at: dt.datetime, ago: Window, zone: str) -> dt.datetime:
    """So long before an instant: hours, days and weeks exactly, months and years at the same local time."""
    if ago.unit in SPANS:
        return at - ago.count * SPANS[ago.unit]
    local = at.astimezone(ZoneInfo(zone))
    return due_instant(months_from(local.date(), -ago.count * MONTHS[ago.unit]), local.time(), zone)
