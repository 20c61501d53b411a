"""A year in the life of the made-up customers: what they visited, downloaded, opened, bought and called about.

Some people do a lot and most do little, so each subject has an activity (gamma, mean 1) that scales every rate. Nothing
happens before the account or the subscription began. Made kind by kind with numpy: some hundred thousand events in a
second or two. Mostly history; what happened within the last day is fresh, and a pass will decide it. Rare kinds get a
few more on the last day, so that the tour always shows some of each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsl.catalog import Catalog, Owner
from engine.demo.happenings import KINDS, Happening
from engine.demo.population import Row
from engine.store.events import Event

_DAY = 86_400.0
_YEAR = 365 * _DAY


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose events: a customer (no subscription), or a subscription of one; `since` in seconds of the epoch."""

    customer: str
    subscription: str | None
    since: float
    row: Row


SOURCE = "demo"
"""The system that the made-up events come from."""


def year_of_events(
    catalog: Catalog, customers: Sequence[Row], subscriptions: Sequence[Row], now: dt.datetime, seed: int
) -> Iterator[Event]:
    """The events of the year that ends `now`, kind by kind, each kind in order of its subjects' ids.

    About 21 a customer. Only the kinds and the properties that the catalog declares.
    """
    subjects = {
        Owner.CUSTOMER: _customers(customers, now),
        Owner.SUBSCRIPTION: _subscriptions(subscriptions, now),
    }
    for number, happening in enumerate(KINDS):
        moment = catalog.moments.get(happening.moment)
        if moment is not None and moment.owner is happening.owner:
            rng = np.random.default_rng((seed, number))
            yield from _events(rng, catalog, happening, subjects[happening.owner], now)


def _customers(customers: Sequence[Row], now: dt.datetime) -> list[Subject]:
    return [Subject(str(row["customer.id"]), None, _since(row, "customer.signed_up_on", now), row) for row in customers]


def _subscriptions(subscriptions: Sequence[Row], now: dt.datetime) -> list[Subject]:
    return [
        Subject(
            str(row["customer.id"]),
            str(row["subscription.id"]),
            _since(row, "subscription.started_on", now),
            row,
        )
        for row in subscriptions
    ]


def _since(row: Row, key: str, now: dt.datetime) -> float:
    """When the subject came; where that is missing, a month ago."""
    day = row.get(key)
    if not isinstance(day, dt.date):
        return now.timestamp() - 30 * _DAY
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()


def _events(
    rng: np.random.Generator, catalog: Catalog, happening: Happening, subjects: Sequence[Subject], now: dt.datetime
) -> Iterator[Event]:
    able = [subject for subject in subjects if happening.concerns(subject.row)]
    if not able:
        return
    who, when = _occurrences(rng, happening, np.array([subject.since for subject in able]), now.timestamp())
    declared = catalog.moments[happening.moment].properties
    properties = happening.properties(rng, catalog, [able[at].row for at in who])
    for nth, (at, second, each) in enumerate(zip(who, when.tolist(), properties, strict=True), start=1):
        subject = able[at]
        yield Event(
            id=f"{happening.moment}-{nth:06}",
            moment=happening.moment,
            customer_id=subject.customer,
            occurred_at=dt.datetime.fromtimestamp(second, dt.UTC),
            properties={name: value for name, value in each.items() if value is not None and name in declared},
            subscription_id=subject.subscription,
            source=SOURCE,
        )


def _occurrences(
    rng: np.random.Generator, happening: Happening, since: npt.NDArray[np.float64], now: float
) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Which subject, and when (whole seconds), of each event: a year's, and some more of the last day."""
    begins = np.minimum(np.maximum(since, now - _YEAR), now)
    activity = rng.gamma(1.2, 1 / 1.2, len(since))
    counts = rng.poisson(happening.per_year * activity * (now - begins) / _YEAR)
    year = np.repeat(np.arange(len(since)), counts)
    fresh = np.sort(rng.integers(0, len(since), happening.fresh))
    when_year = now - rng.random(len(year)) * (now - begins[year])
    when_fresh = now - rng.random(len(fresh)) * np.minimum(_DAY * 0.9, now - begins[fresh])
    return np.concatenate([year, fresh]).tolist(), np.concatenate([when_year, when_fresh]).astype(np.int64)
