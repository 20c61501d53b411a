"""Accepted offers on their way to the billing system, which takes them: at least once each.

A change waits until billing says that it has it. What is asked for twice comes twice, with the same `id`: the offer's,
by which billing carries it out once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dsl.catalog import Catalog
from engine.offers.contents import parts_of
from engine.offers.reading import OfferLine
from engine.store.inserts import insert_values
from engine.store.tables import billing_changes


@dataclass(frozen=True, slots=True)
class BillingChange:
    """A change to carry out; `body` is JSON."""

    id: str
    made_at: dt.datetime
    body: dict[str, Any]


def tell_billing(connection: sa.Connection, catalog: Catalog, accepted: OfferLine, now: dt.datetime) -> None:
    """Puts an accepted offer in line, in the transaction of its acceptance."""
    body = {
        "id": accepted.id,
        "kind": _kind(catalog, accepted.product),
        "product": accepted.product,
        "parts": list(parts_of(catalog, accepted.product))[1:],
        "customer": accepted.customer_id,
        "subscription": accepted.subscription_id,
        "price": accepted.price,
        "currency": accepted.currency,
        "quote": dict(accepted.quote),
        "basis": dict(accepted.basis),
        "accepted_at": now.isoformat(),
    }
    insert_values(connection, billing_changes, [{"id": accepted.id, "body": body, "made_at": now}])


def _kind(catalog: Catalog, product: str) -> str:
    return "plan" if product in catalog.plans else "addon" if product in catalog.addons else "bundle"


def waiting(connection: sa.Connection, limit: int = 100) -> tuple[BillingChange, ...]:
    """What billing has not taken yet, the oldest first."""
    query = sa.select(billing_changes).where(billing_changes.c.taken_at.is_(None))
    ordered = query.order_by(billing_changes.c.made_at, billing_changes.c.id).limit(limit)
    return tuple(BillingChange(row.id, row.made_at, row.body) for row in connection.execute(ordered))


def taken(connection: sa.Connection, change_id: str, now: dt.datetime) -> bool:
    """Billing has it; saying so again changes nothing. False where there is no such change."""
    one = sa.update(billing_changes).where(billing_changes.c.id == change_id)
    return connection.execute(one.values(taken_at=sa.func.coalesce(billing_changes.c.taken_at, now))).rowcount == 1
