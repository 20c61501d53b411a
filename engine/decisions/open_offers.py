"""Which offers stand open for the customers of a batch: nobody is offered twice what they may still accept."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import sqlalchemy as sa

from engine.decisions.asked import Asked
from engine.decisions.rule_table import Bools
from engine.offers.states import LIVE
from engine.store.bulk import among
from engine.store.tables import offers


def open_offers(connection: sa.Connection, asked: Asked, now: dt.datetime) -> Bools | None:
    """By row and product (a last column for none) whether an offer stands; None where none can matter.

    An offer to a subscription stands for that subscription, one to a customer for all that the customer has.
    """
    if not asked.rules.deeds.offering[list(asked.matched)].any():
        return None
    live = offers.c.state.in_(LIVE), sa.or_(offers.c.expires_at.is_(None), offers.c.expires_at > now)
    columns = offers.c.customer_id, offers.c.subscription_id, offers.c.product
    query = sa.select(*columns).where(among(connection, offers.c.customer_id, asked.customers), *live)
    by_customer: dict[str, list[tuple[str | None, int]]] = defaultdict(list)
    for customer, subscription, product in connection.execute(query):
        if product in asked.rules.product_number:
            by_customer[customer].append((subscription, asked.rules.product_number[product]))
    if not by_customer:
        return None
    stands = np.zeros((len(asked.customer), len(asked.rules.product_names) + 1), np.bool_)
    holders = np.array([customer in by_customer for customer in asked.customers], np.bool_)
    rows = np.flatnonzero((asked.customer >= 0) & holders[asked.customer])
    for row in rows.tolist():
        for subscription, product in by_customer[asked.customers[asked.customer[row]]]:
            stands[row, product] |= subscription is None or subscription == asked.subscription[row]
    return stands
