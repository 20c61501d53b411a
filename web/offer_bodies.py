"""What programs send and get about offers, as pydantic models."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from engine.offers.billing import BillingChange
from engine.offers.reading import OfferLine
from web.api_bodies import Body, Id


class OfferAnswer(Body):
    """What a customer does with an offer. The key names the request for ever: sending it again changes nothing."""

    key: Id = Field(description="Your own id of this request.", examples=["checkout-5521"])
    reason: str | None = Field(
        default=None, max_length=200, description="In the customer's words, where they said why.", examples=["too dear"]
    )


class OfferBody(BaseModel):
    """An offer as it stands. Amounts are in minor units of `currency` (cents), and stay as they were quoted."""

    id: str = Field(description="The id of the decision that it comes from.")
    rule: str = Field(examples=["premium_after_a_year"])
    product: str = Field(examples=["premium"])
    customer: str
    subscription: str | None
    state: str = Field(
        description="offered, seen, accepted, declined, lapsed, withdrawn or superseded", examples=["seen"]
    )
    state_at: dt.datetime = Field(description="Since when it is in this state.")
    price: int | None = Field(description="What it costs a billing interval, at first.", examples=[1920])
    currency: str | None = Field(examples=["USD"])
    discount: int = Field(description="What the reduction gives away in all.", examples=[1440])
    quote: dict[str, JsonValue] = Field(description="The quote in full: prices, invoices, terms.")
    made_at: dt.datetime
    expires_at: dt.datetime | None = Field(description="From then on it is too late; null: it stands.")
    sentence: str = Field(description="The offer in plain English.")

    @classmethod
    def of(cls, line: OfferLine) -> OfferBody:
        return cls(
            id=line.id,
            rule=line.rule,
            product=line.product,
            customer=line.customer_id,
            subscription=line.subscription_id,
            state=line.state,
            state_at=line.state_at,
            price=line.price,
            currency=line.currency,
            discount=line.discount,
            quote=dict(line.quote),
            made_at=line.made_at,
            expires_at=line.expires_at,
            sentence=line.sentence,
        )


class OfferList(BaseModel):
    """The newest first."""

    offers: list[OfferBody]


class BillingBody(BaseModel):
    """An accepted offer that the billing system has to carry out, once for each id."""

    id: str = Field(description="The offer's id; a change that comes twice has the same.")
    kind: str = Field(description="plan or addon", examples=["plan"])
    product: str = Field(examples=["premium"])
    customer: str
    subscription: str | None = Field(description="Null: a new one is to be opened.")
    price: int | None = Field(description="As promised, in minor units.", examples=[1920])
    currency: str | None = Field(examples=["USD"])
    quote: dict[str, JsonValue]
    basis: dict[str, JsonValue] = Field(description="What the subscription was when the offer was made.")
    accepted_at: dt.datetime

    @classmethod
    def of(cls, change: BillingChange) -> BillingBody:
        body: dict[str, Any] = change.body
        return cls.model_validate(body)


class BillingList(BaseModel):
    """What billing has not taken yet, the oldest first."""

    changes: list[BillingBody]
