"""Whom the customers of a batch heard from before, and what they declined: what the contact policy goes by."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dsl.windows import Window
from engine.contacts import columns
from engine.contacts.check import Before
from engine.contacts.columns import NOTHING, Contacts, Declines, Ints
from engine.contacts.policy import Leave, leave
from engine.decisions import reasons
from engine.decisions.asked import Asked
from engine.decisions.facts import Reach
from engine.decisions.rule_table import RuleTable
from engine.offers.states import State
from engine.store.bulk import among
from engine.store.suppressions import EVERY_CHANNEL, suppressed_customers
from engine.store.tables import decisions, deliveries, offer_changes, offers, suppressions

_DAYS = {"hours": 1 / 24, "days": 1, "weeks": 7, "months": 31, "years": 366}
"""At most so many days long; a longer look back finds nothing that counts."""

_GHOSTS = (reasons.HOLD_OUT, reasons.CONTROL)


def reach(connection: sa.Connection, asked: Asked, flags: Mapping[str, pa.Array | pa.ChunkedArray]) -> Reach | None:
    """What the contact policy asks of the rows; None where it asks for consent only.

    `flags` are the customers' flags that the policy reads, by name, with a place a row.
    """
    rules = asked.rules
    anybody = connection.scalar(sa.select(sa.literal(1)).select_from(suppressions).limit(1))
    if not rules.asks_more and not anybody:
        return None
    left = leave(rules.contact_policy, flags, len(asked.customer))
    if anybody:
        left = _unlisted(connection, asked, left)
    longest = longest_window(rules)
    since = asked.since() - longest if longest else None
    contacts = made_since(connection, rules, asked.customers, since) if since else Contacts.none()
    declines = declined_since(connection, rules, asked.customers, since) if since else Declines.none()
    return Reach(asked.customer, asked.at, asked.zone, asked.zones, left, Before(contacts, declines))


def longest_window(rules: RuleTable) -> dt.timedelta | None:
    """How far back any policy of the ruleset looks; None where none does."""
    said = rules.catalog.policies
    windows: Iterable[Window | None] = (
        *(cap.per for cap in said.caps),
        said.after_decline,
        said.after_offer,
        said.between_offers,
        *rules.contact_policy.once,
    )
    days = [one.count * _DAYS[one.unit.value] for one in windows if one is not None]
    return dt.timedelta(days=max(days) + 1) if days else None


def _unlisted(connection: sa.Connection, asked: Asked, left: Leave) -> Leave:
    """Without the channels that are closed to customers on the list of those who are never to be written to."""
    policy = asked.rules.contact_policy
    closed = np.zeros(len(asked.customers) + 1, np.uint64)
    places = {customer: place for place, customer in enumerate(asked.customers)}
    for customer, channels in suppressed_customers(connection, asked.customers).items():
        everything = EVERY_CHANNEL in channels
        closed[places[customer]] = policy.bits(policy.channels if everything else channels)
    return replace(left, unsuppressed=left.unsuppressed & ~closed[asked.customer])


def made_since(connection: sa.Connection, rules: RuleTable, customers: tuple[str, ...], since: dt.datetime) -> Contacts:
    """The contacts made to customers (numbered by their place) that were due from an instant on, ghosts among them.

    A contact none of whose deliveries may be sent was not made.
    """
    mine = deliveries.c.decision_id == decisions.c.id
    sent = sa.exists().where(mine, deliveries.c.state != "withheld")
    won = sa.and_(decisions.c.slot.is_not(None), sa.or_(sent, ~sa.exists().where(mine)))
    ghost = sa.and_(decisions.c.result == "held_out", decisions.c.reason.in_(_GHOSTS))
    names = ("customer_id", "rule", "offer", "channels", "due_at", "slot")
    query = sa.select(*(decisions.c[name] for name in names)).where(
        among(connection, decisions.c.customer_id, customers), decisions.c.due_at >= since, sa.or_(won, ghost)
    )
    found = connection.execute(query).all()
    place = {customer: number for number, customer in enumerate(customers)}
    rule = [rules.number.get(row.rule, NOTHING) for row in found]
    policy = rules.contact_policy
    marketing = [number == NOTHING or bool(rules.needs_consent[number]) for number in rule]
    return Contacts(
        _ints(place[row.customer_id] for row in found),
        _ints(rule),
        _ints(rules.product_number.get(row.offer, NOTHING) for row in found),
        np.where(marketing, columns.MARKETING, columns.SERVICE).astype(np.int64),
        np.array([policy.bits(_listed(row.channels)) for row in found], np.uint64),
        _ints(micros(row.due_at) for row in found),
        np.array([row.slot is None for row in found], np.bool_),
    )


def declined_since(
    connection: sa.Connection, rules: RuleTable, customers: tuple[str, ...], since: dt.datetime
) -> Declines:
    """What customers (numbered by their place) declined from an instant on."""
    query = (
        sa.select(offers.c.customer_id, offers.c.product, offer_changes.c.at)
        .join(offers, offers.c.id == offer_changes.c.offer_id)
        .where(
            among(connection, offers.c.customer_id, customers),
            offer_changes.c.state == State.DECLINED,
            offer_changes.c.at >= since,
        )
    )
    place = {customer: number for number, customer in enumerate(customers)}
    found = connection.execute(query).all()
    return Declines(
        _ints(place[row.customer_id] for row in found),
        _ints(rules.product_number.get(row.product, NOTHING) for row in found),
        _ints(micros(row.at) for row in found),
    )


def _listed(channels: object) -> list[str]:
    return json.loads(channels) if isinstance(channels, str) else list(channels)  # type: ignore[call-overload, no-any-return]


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def micros(instant: dt.datetime) -> int:
    """Microseconds of Unix time."""
    return round(instant.timestamp() * 1_000_000)
