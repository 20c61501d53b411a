"""An accepted offer is carried out: here, or by the billing system, as the catalog's `accepted_offers` says.

Here it becomes a new version of the subscription: another plan, or more add-ons (those given with it, and the parts of
a bundle). No event is made up for that: a moment such as `upgrade` is told by whoever knows. For the billing system it
becomes a change that it takes (`billing`). A price that was promised holds for what it was promised for: where the
subscription has another plan, interval or currency by now, the offer is refused, and says what changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from dsl.catalog import AcceptedOffers, Catalog
from dsl.datatypes import Value
from engine.offers.billing import tell_billing
from engine.offers.contents import addons_of, plan_of
from engine.offers.making import basis_of
from engine.offers.reading import OfferLine
from engine.offers.refusals import OfferRefused
from engine.store.bulk import take_turns
from engine.store.snapshot.journal import join
from engine.store.state import customer_rows, put_subscriptions
from engine.store.tables import subscriptions

_NAMES = {"plan": "plan", "billing_interval": "billing interval", "currency": "currency"}


def carry_out(connection: sa.Connection, catalog: Catalog, accepted: OfferLine, now: dt.datetime) -> None:
    """Changes the subscription or tells billing, in the transaction of the acceptance. Raises OfferRefused.

    What needs no subscription yet is for billing to open, whatever the catalog says.
    """
    here = catalog.policies.accepted_offers is AcceptedOffers.CHANGE_HERE and accepted.subscription_id is not None
    if here:
        join(connection)  # the journal's locks come before those of tables, as in every writer
        take_turns(connection, subscriptions)  # before it is read: the whole subscription is written back
    held = _subscription(connection, catalog, accepted)
    _refuse_changed(catalog, accepted, held)
    if here:
        row = {**held, "customer.id": accepted.customer_id, **_taken(catalog, accepted, held)}
        put_subscriptions(connection, catalog, [row], now)
    else:
        tell_billing(connection, catalog, accepted, now)


def _subscription(connection: sa.Connection, catalog: Catalog, accepted: OfferLine) -> Mapping[str, Value]:
    """The subscription's row as it is now; empty where the offer is for none."""
    state = customer_rows(connection, catalog, accepted.customer_id)
    if state is None:
        raise OfferRefused("The customer is not known any more.", accepted)
    if accepted.subscription_id is None:
        return {}
    for row in state.subscriptions:
        if row["subscription.id"] == accepted.subscription_id:
            return row
    raise OfferRefused("The subscription is not this customer's any more.", accepted)


def _refuse_changed(catalog: Catalog, accepted: OfferLine, held: Mapping[str, Value]) -> None:
    product = accepted.product
    if product not in catalog.products:
        raise OfferRefused(f"{product} is not sold any more.", accepted)
    present = basis_of(held)
    for name, before in accepted.basis.items():
        if (after := present.get(name)) != before:
            told = f"is {after} now" if after else "is not known any more"
            raise OfferRefused(f"The offer was made for the {_NAMES.get(name, name)} {before}, which {told}.", accepted)
    addons = held.get("subscription.addons")
    if product in catalog.addons and isinstance(addons, frozenset) and product in addons:
        raise OfferRefused(f"The subscription has {product} already.", accepted)


def _taken(catalog: Catalog, accepted: OfferLine, held: Mapping[str, Value]) -> dict[str, Value]:
    """The values that the offer changes."""
    addons = held.get("subscription.addons")
    before = addons if isinstance(addons, frozenset) else frozenset()
    extras = frozenset(map(str, accepted.quote.get("extras", ())))
    plan = plan_of(catalog, accepted.product)
    return {
        **({} if plan is None else {"subscription.plan": plan}),
        "subscription.addons": before | extras | addons_of(catalog, accepted.product),
    }
