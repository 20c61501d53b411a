"""Before old events are met by rules: how many customers that concerns, and a question where they are many."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache

import click

from dsl.typed import MomentUse, Ruleset
from engine.errors import CarpeError
from engine.plans import plans_of
from engine.store.events import StagedEvent
from engine.store.ingest.imports import Order, run_import
from engine.store.session import Store

MANY = 100
"""Customers; more of them are asked about first."""


class LiveRefused(CarpeError):
    """Nothing was imported."""


@dataclass(slots=True)
class Audience:
    """Whom rules would meet: occurrences by moment, and whose they are."""

    occurrences: Counter[str] = field(default_factory=Counter)
    customers: set[str] = field(default_factory=set)

    def sentence(self) -> str:
        count, people = self.occurrences.total(), len(self.customers)
        if not count:
            return "No rule listens to the new events of this file."
        moments = ", ".join(f"{name} {number:,}" for name, number in self.occurrences.most_common())
        events = "1 new event" if count == 1 else f"{count:,} new events"
        whose = "1 customer" if people == 1 else f"{people:,} customers"
        return f"Rules listen to {events} of {whose} in this file ({moments})."


def ask_first(store: Store, ruleset: Ruleset, order: Order, now: dt.datetime) -> Audience:
    """Counts by a dry run: new events of moments that rules which are active on the event's day listen to."""
    found = Audience()
    plans = plans_of(ruleset)

    @lru_cache
    def is_listened_to(moment: str, day: dt.date) -> bool:
        return bool(plans.listening(MomentUse(moment), day))

    def hear(event: StagedEvent) -> None:
        if is_listened_to(event.moment, event.occurred_at.date()):
            found.occurrences[event.moment] += 1
            found.customers.add(event.customer_id)

    run_import(store, ruleset.catalog, replace(order, dry=True, rejects=None, heard=hear), now)
    return found


def consent(found: Audience, *, yes: bool, quiet: bool) -> None:
    """Tells whom the import concerns, and asks where they are many. Raises LiveRefused where nobody agrees."""
    if not quiet:
        click.echo(found.sentence())
    if yes or len(found.customers) <= MANY:
        return
    if not sys.stdin.isatty():
        many = f"Rules may contact {len(found.customers):,} customers because of this import"
        raise LiveRefused(f"{many}; if that is meant, say it with --yes. Nothing was imported.")
    if not click.confirm("Let rules meet them all?", err=True):
        raise LiveRefused()
