"""What every page works with: the settings, the store, the rulebook and the clock that `create_app` was given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app, g

from dsl.typed import Ruleset
from engine.config import Settings
from engine.errors import CarpeError
from engine.online.desk import EventDesk
from engine.rulebook import Rulebook
from engine.store.session import Store
from web.api_tokens import Tokens


@dataclass(frozen=True, slots=True)
class Desk:
    settings: Settings
    store: Store
    rulebook: Rulebook
    clock: Callable[[], dt.datetime]
    events: EventDesk
    tokens: Tokens
    worker: str | None = None  # the scheduler that ticks in this process

    def ruleset(self) -> Ruleset:
        """What runs: the same to the end of a request, whatever is saved meanwhile."""
        if "ruleset" not in g:
            g.ruleset = self.rulebook.good()
        return cast(Ruleset, g.ruleset)

    def today(self) -> dt.date:
        """The date where the ruleset is at home; UTC's while there is none."""
        try:
            zone: dt.tzinfo = ZoneInfo(self.ruleset().catalog.timezone)
        except CarpeError:
            zone = dt.UTC
        return self.clock().astimezone(zone).date()


def desk() -> Desk:
    """The desk of the application that answers this request."""
    return cast(Desk, current_app.extensions["carpe"])
