"""What programs send and get, as pydantic models: requests are read by them, OpenAPI is made from them.

Types are strict: a number in quotes is no number, an instant needs its offset, an unknown member is refused by name.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from engine.online.incoming import CountsAs
from engine.reports.decisions import DecisionLine

LARGEST_BATCH = 1_000

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?")
_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"


def _instant(value: object) -> dt.datetime:
    """RFC 3339 as it is written; pydantic's own reading would take seconds since 1970 for an instant, too."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("should be an instant such as 2026-03-15T09:30:00+01:00")
    found = dt.datetime.fromisoformat(value.upper())
    if found.tzinfo is None:
        raise ValueError("needs its offset from UTC, such as 2026-03-15T09:30:00+01:00")
    if not 1970 < found.year < 9999:
        raise ValueError("is no plausible instant")
    return found


def _storable(value: JsonValue) -> JsonValue:
    """JSON knows no NaN, and a database's text no NUL."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("should be a finite number")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("should not contain the character NUL")
    if isinstance(value, list | dict):
        for each in value if isinstance(value, list) else [*value, *value.values()]:
            _storable(each)
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
Instant = Annotated[dt.datetime, BeforeValidator(_instant)]
_Properties = dict[Name, Annotated[JsonValue, AfterValidator(_storable)]]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Event(Body):
    """Something that happened. `source` and `id` name it for ever: sending it again changes nothing."""

    source: Name = Field(description="The system that tells it.", examples=["shop"])
    id: Id = Field(description="The event's id in that system.", examples=["visit-8f14e45f"])
    moment: Name = Field(description="An event moment of the catalog.", examples=["website_visit"])
    customer: Id = Field(examples=["c-1001"])
    subscription: Id | None = Field(default=None, examples=["s-1001"])
    occurred_at: Instant = Field(description="RFC 3339, with an offset or Z.", examples=["2026-03-15T09:30:00+01:00"])
    properties: _Properties = Field(
        default_factory=dict, description="As the catalog types them.", examples=[{"page": "/pricing", "seconds": 42}]
    )


class Question(Body):
    """A moment that might be: what would be decided if it came now, or on `as_of`."""

    moment: Name = Field(examples=["billing_anniversary"])
    customer: Id = Field(examples=["c-1001"])
    subscription: Id | None = Field(default=None, examples=["s-1001"])
    properties: _Properties = Field(default_factory=dict)
    as_of: dt.date | None = Field(default=None, description="The customer's local day.", examples=["2026-03-15"])


class Decision(BaseModel):
    """What became of one rule that matched."""

    id: str
    rule: str = Field(examples=["premium_after_a_year"])
    moment: str
    occurrence: str = Field(description="Names the occasion: a period, a date or an event's id.")
    customer: str
    subscription: str | None
    result: str = Field(description="offered, said, held or held_out", examples=["offered"])
    reason: str | None = Field(description="Why it was held.")
    detail: str | None = Field(description="What the reason is about: the winning rule, the channel.")
    offer: str | None = Field(examples=["premium"])
    price: int | None = Field(
        default=None, description="What the offer costs a billing interval at first, in minor units.", examples=[1920]
    )
    currency: str | None = Field(default=None, description="Of the price.", examples=["USD"])
    arm: str | None = Field(default=None, description="The arm of the rule's experiment.", examples=["small"])
    channels: list[str] = Field(examples=[["email"]])
    local_date: dt.date
    due_at: dt.datetime
    sentence: str = Field(description="The decision in plain English.")

    @classmethod
    def of(cls, line: DecisionLine) -> Decision:
        return cls(
            id=line.id,
            rule=line.rule,
            moment=line.moment,
            occurrence=line.occurrence,
            customer=line.customer_id,
            subscription=line.subscription_id,
            result=line.result,
            reason=line.reason,
            detail=line.detail,
            offer=line.offer,
            price=line.price,
            currency=line.currency,
            arm=line.arm,
            channels=list(line.channels),
            local_date=line.local_date,
            due_at=line.due_at,
            sentence=line.sentence,
        )


COUNTS_AS = Field(
    description="moment: rules meet it. history: it was told too late (by default more than a day after it happened):"
    " conditions count it, and no rule meets it."
)


class Recorded(BaseModel):
    """An event that is kept. `decisions` is null unless `?decide=true` asked for them, and while nothing is decided."""

    source: str
    id: str
    state: Literal["new", "same"]
    counts_as: CountsAs = COUNTS_AS
    decisions: list[Decision] | None = None
    waiting: str | None = Field(
        default=None, description="Why it is not decided yet, though that was asked: it is once Carpe goes on."
    )


class InboxMessage(BaseModel):
    """A message that waits in the app, or on the agent's screen, as the customer reads it."""

    id: int
    decision: str = Field(description="The id of the decision it comes from.")
    rule: str = Field(examples=["premium_after_a_year"])
    offer: str | None = Field(examples=["premium"])
    subject: str
    body: str
    sent_at: dt.datetime


class Inbox(BaseModel):
    """The newest first."""

    messages: list[InboxMessage]


class Problem(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="A stable word for programs.", examples=["unknown_customer"])
    reason: str = Field(description="One sentence for people.", examples=["There is no customer c-9."])
    field: str | None = Field(description="The part of the body at fault.", examples=["customer"])


class EventResult(BaseModel):
    """One of a batch: `status` is what the event alone would have been answered."""

    status: int = Field(examples=[201])
    recorded: Recorded | None = None
    problem: Problem | None = None


class EventResults(BaseModel):
    """The events of a batch, each with its own result, in their order."""

    results: list[EventResult]


class Answer(BaseModel):
    """What would be decided; nothing was written."""

    decisions: list[Decision]
