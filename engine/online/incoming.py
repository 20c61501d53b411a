"""An event as a program tells it, and what it is answered: kept, decided, waiting, or refused with a reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import CarpeError
from engine.reports.decisions import DecisionLine
from engine.store.documents import Json
from engine.store.events import Fault, Refusal


class EventRefused(CarpeError):
    """An event or a question that cannot be taken; `field` is the part of it at fault, `unknown` what nobody knows."""

    def __init__(self, field: str, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.field, self.reason, self.unknown = field, reason, unknown


class EventConflict(CarpeError):
    """The id was recorded before with another body; what was recorded first stays."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event as a program tells it; `properties` as JSON has them."""

    source: str
    id: str
    moment: str
    customer: str
    occurred_at: dt.datetime
    subscription: str | None = None
    properties: Mapping[str, Json] = field(default_factory=dict)


CountsAs = Literal["moment", "history"]
"""What an event is: a moment that rules meet, or history, because it came too late, that only conditions count."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an event that was told."""

    state: Literal["new", "same"]
    counts_as: CountsAs


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told once it is on disk.

    `decisions` is None where nobody asked, and while nothing is decided; then `waiting` says why.
    """

    kept: Kept
    decisions: tuple[DecisionLine, ...] | None = None
    waiting: str | None = None


def counts_as(state: str) -> CountsAs:
    """The same of a row of `events`."""
    return "history" if state == "history" else "moment"


def refused(refusal: Refusal) -> EventRefused | EventConflict:
    """What the store refused, as callers are told it."""
    if refusal.fault is Fault.CONFLICT:
        return EventConflict()
    unknown = refusal.fault in (Fault.UNKNOWN_CUSTOMER, Fault.UNKNOWN_SUBSCRIPTION)
    return EventRefused(refusal.column, f"{refusal.column} “{refusal.value}”: {refusal.reason}", unknown=unknown)
