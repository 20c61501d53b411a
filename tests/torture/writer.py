"""The business goes on while its schedulers are tormented: people come, move and correct dates, events arrive."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from dsl.catalog import Catalog
from engine.errors import CarpeError
from engine.event_path import decide_event
from engine.plans import plans_of
from engine.store.events import Event, put_events
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from tests.torture import story
from tests.torture.blows import Clock
from tests.torture.story import DAY, ZONES, Person, Visit

PAUSE = 0.1


def put(connection: sa.Connection, catalog: Catalog, people: list[Person], now: datetime) -> None:
    put_customers(connection, catalog, [each.customer for each in people], now)
    put_subscriptions(connection, catalog, [each.subscription for each in people], now)


class Writer(threading.Thread):
    """Tells the store one thing after the other and remembers what it told. What fails is told again."""

    def __init__(self, store: Store, clock: Clock, people: list[Person], rng: random.Random) -> None:
        super().__init__(name="writer")
        self._store, self._clock, self._rng = store, clock, rng
        self._rules = story.ruleset()
        self.people, self.visits = people, list[Visit]()
        self.told: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.bug: BaseException | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopping.wait(PAUSE):
                self._rng.choice((self._visits, self._visits, self._moves, self._comes, self._shifts))()
        except BaseException as bug:
            self.bug = bug

    def stop(self) -> None:
        """Finish what is being told; raises what made it stop before."""
        self._stopping.set()
        self.join()
        if self.bug is not None:
            raise self.bug

    # --- what it tells -----------------------------------------------------------------------------------------------

    def _visits(self) -> None:
        now = self._clock.wall()
        ages = (timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=7), timedelta(hours=20), 12 * DAY)
        new = []
        for _ in range(self._rng.randrange(1, 6)):
            who, number = self._rng.choice(self.people), len(self.visits) + len(new)
            new.append(Visit(f"e{number}", who.customer_id, now - self._rng.choice(ages), now, self._rng.randrange(8)))
        self.visits += new
        told = [Event(each.id, "visit", each.customer_id, each.occurred_at, {"pages": each.pages}) for each in new]
        bounds = plans_of(self._rules).event_bounds
        self._write(lambda connection: put_events(connection, self._rules.catalog, told, now, catch_up=bounds))
        self.told["visits"] += len(new)
        if self._rng.random() < 0.5:
            self._until_it_works(lambda: decide_event(self._store, self._rules, "api", new[0].id, self._clock.wall()))
            self.told["decided as they came"] += 1

    def _moves(self) -> None:
        who = self._rng.choice([each for each in self.people if each.kind == "moves"])
        who.zone = self._rng.choice(ZONES)
        self._put([who])
        self.told["moves"] += 1

    def _comes(self) -> None:
        day = self._clock.wall().date()
        who = story.person(len(self.people), "comes", self._rng, day, 12)
        self._put([who])
        self.people.append(who)
        self.told["newcomers"] += 1

    def _shifts(self) -> None:
        who = self._rng.choice([each for each in self.people if each.kind == "shifts"])
        if len(who.shifts) < 3:
            who.shifts.append(who.shifts[-1] + self._rng.choice((-3, -1, 1, 2)) * DAY)
            self._put([who])
            self.told["corrected dates"] += 1

    # --- how it tells it ---------------------------------------------------------------------------------------------

    def _put(self, people: list[Person]) -> None:
        now = self._clock.wall()
        self._write(lambda connection: put(connection, self._rules.catalog, people, now))

    def _write(self, tell: Callable[[sa.Connection], object]) -> None:
        def once() -> None:
            with self._store.write() as connection:
                tell(connection)

        self._until_it_works(once)

    def _until_it_works(self, act: Callable[[], object]) -> None:
        while True:
            try:
                act()
            except (CarpeError, SQLAlchemyError) as error:
                self.failed[type(error).__name__] += 1
                time.sleep(PAUSE)
            else:
                return
