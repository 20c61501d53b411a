"""Words of the language of which one is chosen, as the tree and typed rules share them."""

from __future__ import annotations

from enum import StrEnum


class TimeUnit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class HistoryVerb(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"


class Purpose(StrEnum):
    MARKETING = "marketing"
    SERVICE = "service"
