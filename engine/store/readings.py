"""Readings of meters: the latest of a meter counts, and one that passes a level of the quota is recorded as an event.

1. Readings are taken in the order of their instants, whatever the order in which they are told together.
2. The latest reading of a subscription's meter is compared with each one told: an older one, or the same again, changes
   nothing; the same instant with another value is a correction, and the last told wins; a newer one is kept beside it.
3. What was used before is the reading before: for a counter the one of the same billing period (none: 0, for it began
   at 0), for a gauge whichever it was. Each level that this was below and the new one is not makes an event of every
   crossing moment, named by subscription, moment, meter, level and billing period: so it is recorded once a period,
   however often a meter is corrected down and passes the level again, and however many programs tell it.

The quota is that of the plan and the add-ons as they are known when the reading is told; a correction keeps it. A
billing period (`moments.billing`) is named by its first day, local to the customer. The readings and their events are
one transaction; on PostgreSQL those who tell of the same meter take turns, so that each sees what the other wrote.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dsl.catalog import Catalog
from engine.moments.billing import billing_moment, billing_period
from engine.store.bulk import take_turns
from engine.store.crossings import crossing_event
from engine.store.events import FEW, NO_BOUNDS, Bounds, Event, Fault, Recorded, Refusal, implausible, put_events
from engine.store.meters import Kept, Meters, Reading, Subscription
from engine.store.quotas import NOTHING, Used, crossed, crossing_moments, quota_of
from engine.store.tables import readings


class Became(StrEnum):
    """What became of a reading."""

    NEW = "new"
    CORRECTED = "corrected"
    SAME = "same"
    OLDER = "older"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Crossing:
    """An event that the reading at `index` of the batch made; `met` unless it came too late to be a moment."""

    index: int
    event: Event
    met: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a batch of readings, one word each, in their order; why some were refused; what was crossed."""

    became: tuple[Became, ...]
    refusals: tuple[Refusal, ...] = ()
    crossings: tuple[Crossing, ...] = ()

    def count(self, *words: Became) -> int:
        return sum(word in words for word in self.became)


def put_readings(
    connection: Connection,
    catalog: Catalog,
    batch: Sequence[Reading],
    now: dt.datetime,
    *,
    catch_up: Bounds = NO_BOUNDS,
    dry: bool = False,
) -> Told:
    """Keeps readings and records what they cross; a dry run only says what it would do.

    `catch_up` says how late a crossing may be told and still be met, as for any event.
    """
    if not dry:
        few = [f"{one.subscription_id}\n{one.meter}" for one in batch] if len(batch) <= FEW else None
        take_turns(connection, readings, few)
    work = _Telling(catalog, Meters(connection, batch), now)
    for index in sorted(range(len(batch)), key=lambda at: batch[at].read_at):
        work.tell(index, batch[index])
    if not dry:
        work.meters.write(connection, now)
    events = [event for _, event in work.events]
    recorded = put_events(connection, catalog, events, now, catch_up=catch_up, dry=dry) if events else Recorded()
    return Told(tuple(work.became[at] for at in range(len(batch))), tuple(work.refusals), work.crossings(recorded))


class _Telling:
    """A batch being told, reading by reading."""

    def __init__(self, catalog: Catalog, meters: Meters, now: dt.datetime) -> None:
        self.catalog, self.meters, self.now = catalog, meters, now
        self.moments = crossing_moments(catalog)
        self.bills = billing_moment(catalog)
        self.became: dict[int, Became] = {}
        self.refusals: list[Refusal] = []
        self.events: list[tuple[int, Event]] = []

    def crossings(self, recorded: Recorded) -> tuple[Crossing, ...]:
        """The events that are new. One that was there before under its name is the level passed again: nothing."""
        met = frozenset(recorded.met)
        return tuple(Crossing(*self.events[at], at in met) for at in recorded.fresh)

    def tell(self, index: int, one: Reading) -> None:
        if (refusal := self.judge(index, one)) is not None:
            self.refusals.append(refusal)
            self.became[index] = Became.REFUSED
            return
        latest = self.meters.latest(one.subscription_id, one.meter)
        self.became[index] = _compare(one, latest)
        if self.became[index] in (Became.NEW, Became.CORRECTED):
            self.keep(index, one, latest)

    def judge(self, index: int, one: Reading) -> Refusal | None:
        if one.meter not in self.catalog.meters:
            return Refusal(index, Fault.UNKNOWN_METER, "meter", one.meter, "is no meter of the catalog")
        if not 0 <= one.used < float("inf"):
            return Refusal(index, Fault.UNREADABLE, "used", str(one.used), "is not what a meter can read: 0 or more")
        if (wrong := implausible(one.read_at, self.now)) is not None:
            return Refusal(index, wrong[0], "read_at", one.read_at.isoformat(), wrong[1])
        if self.meters.subscription(one.subscription_id) is None:
            reason = "there is no such subscription"
            return Refusal(index, Fault.UNKNOWN_SUBSCRIPTION, "subscription", one.subscription_id, reason)
        return None

    def keep(self, index: int, one: Reading, latest: Kept | None) -> None:
        held = self.meters.held(one.subscription_id)
        if latest is not None and latest.read_at == one.read_at:
            before = self.meters.before_latest(one.subscription_id, one.meter)
            now = replace(latest, used=one.used)
        else:
            before = latest
            now = Kept(one.read_at, one.used, quota_of(self.catalog, held.plan, held.addons, one.meter))
        self.meters.put(one.subscription_id, one.meter, now)
        self.events += [(index, event) for event in self.passed(one, held, before, now)]

    def passed(self, one: Reading, held: Subscription, before: Kept | None, now: Kept) -> Iterator[Event]:
        """An event for each level of each crossing moment that lies between two readings."""
        resets = self.catalog.meters[one.meter].resets is not None
        if before is not None and resets and self.period(held, before) != self.period(held, now):
            before = None
        was = NOTHING if before is None else Used(before.used, before.quota)
        for moment in self.moments:
            for level in crossed(moment.levels, was, Used(now.used, now.quota)):
                yield crossing_event(moment, held.customer_id, one, level, now, self.period(held, now))

    def period(self, held: Subscription, kept: Kept) -> dt.date:
        return billing_period(self.bills, held.attributes, kept.read_at.astimezone(ZoneInfo(held.zone)).date())


def _compare(one: Reading, latest: Kept | None) -> Became:
    if latest is None or one.read_at > latest.read_at:
        return Became.NEW
    if one.read_at < latest.read_at:
        return Became.OLDER
    return Became.SAME if one.used == latest.used else Became.CORRECTED
