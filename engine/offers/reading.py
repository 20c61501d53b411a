"""Offers as people and programs read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.datatypes import Money
from engine.offers.contents import plan_of
from engine.offers.states import LIVE, State
from engine.store.documents import Json
from engine.store.tables import offer_changes, offers


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One offer. Amounts are minor units of `currency`, instants UTC; `quote` is frozen as it was made."""

    id: str
    rule: str
    product: str
    customer_id: str
    subscription_id: str | None
    segment: str
    price: int | None
    currency: str | None
    discount: int
    quote: Mapping[str, Json]
    basis: Mapping[str, Json]
    made_at: dt.datetime
    expires_at: dt.datetime | None
    state: State
    state_at: dt.datetime

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def sentence(self) -> str:
        """The offer in plain English."""
        price = "" if self.price is None or self.currency is None else f" at {Money(self.price, self.currency)}"
        until = f" until {self.expires_at:%Y-%m-%d %H:%M} UTC" if self.is_live and self.expires_at else ""
        return f"{self.product}{price} to {self.customer_id} ({self.rule}): {self.state}{until}."

    def to_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One change of an offer: into which state, when, by whom, and why where somebody said so."""

    state: str
    at: dt.datetime
    by: str
    reason: str | None


def line(row: Mapping[Any, Any], now: dt.datetime) -> OfferLine:
    """A row of `offers` as it stands at `now`: one whose time is up has lapsed, whether or not that was written."""
    values = {name: row[name] for name in OfferLine.__dataclass_fields__}
    expires_at = values["expires_at"]
    if values["state"] in LIVE and expires_at is not None and expires_at <= now:
        values |= {"state": State.LAPSED, "state_at": expires_at}
    return OfferLine(**values | {"state": State(values["state"])})


def offer(connection: sa.Connection, offer_id: str, now: dt.datetime) -> OfferLine | None:
    """The offer of this id; None where there is none."""
    row = connection.execute(sa.select(offers).where(offers.c.id == offer_id)).one_or_none()
    return None if row is None else line(row._mapping, now)


def list_offers(
    connection: sa.Connection,
    now: dt.datetime,
    *,
    customer: str | None = None,
    rule: str | None = None,
    states: Sequence[State] = tuple(State),
    limit: int = 100,
) -> tuple[OfferLine, ...]:
    """Those that fit every filter given, the newest first."""
    wanted = {"customer_id": customer, "rule": rule}
    query = sa.select(offers).where(*(offers.c[name] == value for name, value in wanted.items() if value is not None))
    ordered = query.where(_stands(states, now)).order_by(offers.c.made_at.desc(), offers.c.id).limit(limit)
    return tuple(line(row._mapping, now) for row in connection.execute(ordered))


def _stands(states: Sequence[State], now: dt.datetime) -> sa.ColumnElement[bool]:
    """In one of the states at `now`, as `line` tells them."""
    late = sa.and_(offers.c.expires_at.is_not(None), offers.c.expires_at <= now)
    live = sa.and_(offers.c.state.in_([each for each in states if each in LIVE]), ~late)
    over = offers.c.state.in_([each for each in states if each not in LIVE])
    lapsed = sa.and_(offers.c.state.in_(LIVE), late) if State.LAPSED in states else sa.false()
    return sa.or_(live, over, lapsed)


def changes(connection: sa.Connection, offer_id: str) -> tuple[ChangeLine, ...]:
    """What happened to an offer since it was made, in order."""
    query = sa.select(offer_changes).where(offer_changes.c.offer_id == offer_id).order_by(offer_changes.c.number)
    return tuple(ChangeLine(row.state, row.at, row.by, row.reason) for row in connection.execute(query))


def rivals(connection: sa.Connection, catalog: Catalog, accepted: OfferLine) -> tuple[str, ...]:
    """The live offers that make no sense once this one is accepted: of what is or brings a plan every other such for
    the same subscription, and every other offer of the same product for it.
    """
    mine = offers.c.customer_id == accepted.customer_id, offers.c.id != accepted.id, offers.c.state.in_(LIVE)
    same = offers.c.subscription_id.is_not_distinct_from(accepted.subscription_id)
    products = {accepted.product}
    if _brings_plan(catalog, accepted.product):
        products |= {name for name in catalog.products if _brings_plan(catalog, name)}
    query = sa.select(offers.c.id).where(*mine, same, offers.c.product.in_(sorted(products))).order_by(offers.c.id)
    return tuple(connection.scalars(query))


def _brings_plan(catalog: Catalog, product: str) -> bool:
    return product in catalog.products and plan_of(catalog, product) is not None
