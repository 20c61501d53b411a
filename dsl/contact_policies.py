"""What the catalog says about meeting people: how often, when, on which channel and with whose leave."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dsl.choices import Purpose
from dsl.windows import Window

ANY = "any"
"""In place of a channel: whichever it is."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many contacts on a channel (or on `any`) in every window `per`; `purpose` None: of either purpose."""

    channel: str
    at_most: int
    per: Window
    purpose: Purpose | None = Purpose.MARKETING

    def __str__(self) -> str:
        whom = "" if self.purpose is None else f"{self.purpose} "
        contacts = "contact" if self.at_most == 1 else "contacts"
        where = "any channel" if self.channel == ANY else self.channel
        return f"at most {self.at_most} {whom}{contacts} on {where} per {self.per}"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times of day from `start` up to and without `end`, over midnight where the end is not after the start.

    What falls into them is sent when they end, or is not sent at all where they `hold`. `purpose` None: of either.
    """

    start: dt.time
    end: dt.time
    hold: bool = False
    purpose: Purpose | None = None
