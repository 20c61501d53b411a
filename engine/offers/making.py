"""Offers as they are made: written with their decisions, their price frozen as quoted."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from dsl.datatypes import Value
from dsl.typed import Rule
from engine.lateness import latest
from engine.offers.states import State
from engine.store.bulk import run_many
from engine.store.documents import Json
from engine.store.inserts import insert_values
from engine.store.tables import offers

Row = Mapping[str, Value]

BASIS = ("plan", "billing_interval", "currency")
"""The subscription's values that a quote is made from."""

COUNTS = ("shown", "accepted", "declined")

_ADDED = ", ".join(f"{name} = offer_counts.{name} + excluded.{name}" for name in COUNTS)
_COUNT = (
    f"INSERT INTO offer_counts (product, segment, {', '.join(COUNTS)}) VALUES (?, ?, ?, ?, ?)"
    f" ON CONFLICT (product, segment) DO UPDATE SET {_ADDED}"
)


@dataclass(frozen=True, slots=True)
class NewOffer:
    """An offer that was decided on. `id` is its decision's; amounts are minor units of `currency`.

    `quote` is a JSON document, kept as it is; of it only `extras` is read here: the add-ons that are given with the
    product. `segment` is whose propensity the answer tells of. Without `expires_at` the offer stands for good.
    """

    id: str
    rule: str
    product: str
    customer_id: str
    subscription_id: str | None
    price: int | None = None
    currency: str | None = None
    discount: int = 0
    quote: Mapping[str, Json] = field(default_factory=dict)
    basis: Mapping[str, Json] = field(default_factory=dict)
    expires_at: dt.datetime | None = None
    segment: str = ""


def basis_of(subscription: Row) -> dict[str, Json]:
    """What a quote is made from, of a row of state; what is missing is left out."""
    found = ((name, subscription.get(f"subscription.{name}")) for name in BASIS)
    return {name: str(value) for name, value in found if value is not None}


def expiry(rule: Rule, made_at: dt.datetime, zone: str) -> dt.datetime | None:
    """When an offer of the rule expires that is made at an instant to a customer of a time zone; None: never."""
    return None if rule.expires is None else latest(rule.expires, made_at, zone)


def make_offers(connection: sa.Connection, made: Sequence[NewOffer], now: dt.datetime) -> None:
    """Writes offers in the transaction of their decisions, which are there already."""
    stamp = {"made_at": now, "state": State.OFFERED, "state_at": now}
    insert_values(connection, offers, [asdict(each) | stamp for each in made])
    count(connection, Counter((each.product, each.segment, "shown") for each in made))


def count(connection: sa.Connection, more: Mapping[tuple[str, str, str], int]) -> None:
    """Adds to the counts of (product, segment, which of `COUNTS`); in the order of their keys, as every writer does."""
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for (product, segment, name), number in more.items():
        rows.setdefault((product, segment), dict.fromkeys(COUNTS, 0))[name] += number
    if not rows:
        return
    run_many(connection, _COUNT, [(*key, *counts.values()) for key, counts in sorted(rows.items())])
