"""An event that was told, read in the catalog's words before anything is asked of the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from dsl.catalog import Moment
from dsl.datatypes import Value
from dsl.suggestions import hint
from dsl.typed import Ruleset
from engine.online.incoming import EventRefused, IncomingEvent
from engine.store.bulk import instant_text
from engine.store.documents import Json
from engine.store.events import Event, StagedEvent, digest_of, staged
from engine.store.properties import PropertyRefused, read_properties


@dataclass(frozen=True, slots=True)
class Telling:
    """An event that a program tells at `now`; `decides` asks for its decision at once."""

    event: IncomingEvent
    now: dt.datetime
    decides: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A telling whose moment and properties the catalog knows; `digest` is of its body.

    `occurred_at` and `told_at` are its instants in stored form.
    """

    telling: Telling
    properties: Mapping[str, Value]
    staged: StagedEvent
    digest: str
    occurred_at: str
    told_at: str


def draft(ruleset: Ruleset, telling: Telling) -> Draft:
    """Read what was told. Raises EventRefused."""
    told = telling.event
    values = properties_of(ruleset, event_moment(ruleset, told.moment), told.properties)
    event = Event(told.id, told.moment, told.customer, told.occurred_at, values, told.subscription, told.source)
    kept = staged(ruleset.catalog, event)
    return Draft(telling, values, kept, digest_of(kept), instant_text(told.occurred_at), instant_text(telling.now))


def event_moment(ruleset: Ruleset, name: str) -> Moment:
    """The declared event of this name. Raises EventRefused with the nearest one."""
    moment = ruleset.catalog.moments.get(name)
    if moment is None or moment.attribute is not None:
        known = [each.name for each in ruleset.catalog.moments.values() if each.attribute is None]
        near = hint(name, known)
        raise EventRefused("moment", f"“{name}” is no event of the catalog" + (f"; {near}" if near else ""))
    return moment


def properties_of(ruleset: Ruleset, moment: Moment, given: Mapping[str, Json]) -> dict[str, Value]:
    """The event's properties as values. Raises EventRefused."""
    try:
        return read_properties(ruleset.catalog, moment, given)
    except PropertyRefused as refusal:
        raise EventRefused(f"properties.{refusal.name}", refusal.reason) from None
