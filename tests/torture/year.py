"""A year of passes with outages and customers whose calendars change, against an oracle that knows no ledger.

    python -m tests.torture.year [DAYS] [SEED]

The oracle keeps, for each subject, the occurrences that it met, and goes from pass to pass with plain loops: dates from
python-dateutil, instants from `whenever`. It is told the same standard, not the same code: at a pass, every local day
that came due since the pass before is closed for everybody in its zone; who has an occurrence that day meets it if the
rule's bound allows, else it is missed; nothing recurs within half an interval of what was met; who changed since the
pass before is looked at again for closed days that may still be caught up with.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
import whenever
from dateutil.relativedelta import relativedelta

from dsl.service import check
from dsl.typed import Ruleset
from engine.passes import run_pass
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import counters, decisions
from tests import world

START = dt.datetime(2026, 1, 10, 0, 30, tzinfo=dt.UTC)
ZONES = ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Pacific/Apia", "America/Los_Angeles"]
DAY = dt.timedelta(days=1)

# A rule a moment and bound; none has a condition, so that every occurrence leaves a decision or is missed.
BOUNDS = {"": DAY, "catch up never": dt.timedelta(hours=1), "catch up within 5 days": 5 * DAY}
RULES = "\n\n".join(
    f'rule {moment}_{number} on {moment} say "hello" via in_app {clause}'
    for moment in ("billing_anniversary", "birthday", "weekly", "renewal")
    for number, clause in enumerate(BOUNDS)
)
CATALOG = world.CATALOG.replace("moments:", "moments:\n  weekly: {recurs: week, every: 2, from: started_on}", 1)


@dataclass
class Person:
    """A customer with one subscription, as the source of the business knows them."""

    number: int
    zone: str
    born: dt.date
    started: dt.date
    interval: str
    renews: dt.date
    met: dict[str, list[tuple[dt.date, int]]] = field(default_factory=dict)  # moment -> (day, months or -days)
    changed: bool = True

    @property
    def customer(self) -> dict:
        return {
            "customer.id": f"c{self.number}",
            "customer.timezone": self.zone,
            "customer.date_of_birth": self.born,
        }

    @property
    def subscription(self) -> dict:
        return {
            "subscription.id": f"s{self.number}",
            "customer.id": f"c{self.number}",
            "subscription.plan": "basic",
            "subscription.status": "active",
            "subscription.started_on": self.started,
            "subscription.billing_interval": self.interval,
            "subscription.renews_on": self.renews,
        }


# --- the oracle ------------------------------------------------------------------------------------------------------


def occurs(person: Person, moment: str, day: dt.date) -> int | None:
    """The step of the occurrence on the day (months, or minus days; 0 for a dated one); None where there is none."""
    if moment == "renewal":
        return 0 if person.renews == day else None
    if moment == "weekly":
        passed = (day - person.started).days
        return -14 if passed > 0 and passed % 14 == 0 else None
    anchor = person.born if moment == "birthday" else person.started
    step = 12 if moment == "birthday" or person.interval == "year" else 1
    passed = (day.year - anchor.year) * 12 + day.month - anchor.month
    if passed > 0 and passed % step == 0 and anchor + relativedelta(months=passed) == day:
        return step
    return None


def stands_for(met: tuple[dt.date, int], day: dt.date, step: int) -> bool:
    """Whether what was met is the occurrence on `day`, or lies less than half an interval away from it."""
    earlier, theirs = met
    if step == 0:
        return earlier == day
    if step < 0:
        return earlier.isocalendar()[:2] == day.isocalendar()[:2] or abs((day - earlier).days) * 2 < 14
    if step == theirs and (earlier.year, earlier.month if step == 1 else 0) == (
        day.year,
        day.month if step == 1 else 0,
    ):
        return True
    first, last = sorted((earlier, day))
    length = (first.replace(day=1) + relativedelta(months=min(step, theirs)) - first.replace(day=1)).days
    return (last - first).days * 2 < length


def sends_at(day: dt.date, zone: str) -> dt.datetime:
    local = whenever.PlainDateTime(day.year, day.month, day.day, 9)
    return dt.datetime.fromtimestamp(local.assume_tz(zone, disambiguation="earlier").timestamp(), dt.UTC)


@dataclass
class Oracle:
    """What each pass must find: `decided` are (rule, subject, day), `missed` counts by (rule, day)."""

    decided: set[tuple[str, str, dt.date]] = field(default_factory=set)
    missed: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    closed: dict[str, dt.date] = field(default_factory=dict)

    def pass_at(self, now: dt.datetime, people: list[Person]) -> None:
        new: dict[str, list[dt.date]] = {}
        for zone in ZONES:
            last = max(day for day in around(now) if sends_at(day, zone) <= now)
            first = self.closed.get(zone, last - DAY) + DAY
            new[zone] = [first + n * DAY for n in range((last - first).days + 1)]
            self.closed[zone] = last
        for day in sorted({day for days in new.values() for day in days}):
            for person in people:
                if day in new[person.zone]:
                    self.meet(person, day, now, late=False)
        for person in people:
            if person.changed:
                for n in range(9, -1, -1):
                    self.meet(person, self.closed[person.zone] - n * DAY, now, late=True)
                person.changed = False

    def meet(self, person: Person, day: dt.date, now: dt.datetime, *, late: bool) -> None:
        """On a closed day that was closed before (`late`) what nobody may catch up with is not even missed."""
        lateness = now - sends_at(day, person.zone)
        for moment in ("billing_anniversary", "birthday", "weekly", "renewal"):
            step = occurs(person, moment, day)
            met = person.met.setdefault(moment, [])
            if step is None or any(stands_for(each, day, step) for each in met) or day < self.began(person.zone):
                continue
            subject = person.customer["customer.id"] if moment == "birthday" else person.subscription["subscription.id"]
            for number, bound in enumerate(BOUNDS.values()):
                if lateness <= bound:
                    self.decided.add((f"{moment}_{number}", subject, day))
                elif not late:
                    self.missed[f"{moment}_{number}", day] += 1
            met.append((day, step))

    def began(self, zone: str) -> dt.date:
        """The first day that was ever closed: what lies before is nobody's debt."""
        return max(day for day in around(START) if sends_at(day, zone) <= START)


def around(now: dt.datetime) -> list[dt.date]:
    return [now.date() + n * DAY for n in (-2, -1, 0, 1)]


# --- the world -------------------------------------------------------------------------------------------------------


def ruleset() -> Ruleset:
    checked = check({"catalog.yaml": CATALOG, "all.rules": RULES})
    assert not [each for each in checked.diagnostics if each.is_error], checked.diagnostics
    return checked.ruleset


def made_up(number: int, rng: random.Random) -> Person:
    zone = ZONES[number] if number < len(ZONES) else rng.choice(ZONES)
    started = rng.choice([dt.date(2025, 1, 31), dt.date(2024, 2, 29), dt.date(2025, 6, 1) + rng.randrange(240) * DAY])
    born = rng.choice([dt.date(2000, 2, 29), dt.date(1990, 1, 1) + rng.randrange(9000) * DAY])
    renews = START.date() + rng.randrange(-3, 370) * DAY
    return Person(number, zone, born, started, rng.choice(["month", "month", "year"]), renews)


def change(person: Person, rng: random.Random) -> None:
    """Somebody moves, corrects a date, is billed another way. The first of each zone stay where they are."""
    match rng.randrange(5):
        case 0 if person.number >= len(ZONES):
            person.zone = rng.choice(ZONES)
        case 1:
            person.started += rng.choice([-20, -9, -1, 1, 2, 6, 15]) * DAY
        case 2:
            person.born += rng.choice([-200, -3, 1, 40]) * DAY
        case 3:
            person.interval = "year" if person.interval == "month" else "month"
        case _:
            person.renews += rng.choice([-1, 1, 3]) * DAY
    person.changed = True


def passes(days: int, rng: random.Random) -> Iterator[dt.datetime]:
    """A pass soon after each hour of sending, but for outages of a minute to 60 days."""
    due = sorted(
        sends_at(START.date() + n * DAY, zone) + dt.timedelta(minutes=rng.randrange(1, 40))
        for n in range(days)
        for zone in ZONES
    )
    lengths = [dt.timedelta(minutes=1), dt.timedelta(hours=2), dt.timedelta(hours=30), 3 * DAY, 6 * DAY]
    lengths += [60 * DAY] if days > 120 else []
    gaps = [(begin, begin + length) for length in lengths if (begin := START + rng.random() * (days * DAY - length))]
    yield START
    for now in due:
        if now > START and not any(begin <= now < end for begin, end in gaps):
            yield now


def simulate(store: Store, days: int, seed: int, size: int = 40) -> dict[str, int]:
    """Runs the passes; raises AssertionError where the tables are not the oracle's. The figures of what was seen."""
    rng, rules, oracle = random.Random(seed), ruleset(), Oracle()
    people = [made_up(number, rng) for number in range(size)]
    count = changes = 0
    for now in passes(days, rng):
        if count:
            for person in rng.sample(people, rng.choice([0, 0, 1, 2])):
                change(person, rng)
                changes += 1
            if rng.random() < 0.02:
                people.append(made_up(len(people), rng))
        before = now - dt.timedelta(seconds=30)
        with store.write() as connection:
            put_customers(connection, rules.catalog, [each.customer for each in people if each.changed], before)
            put_subscriptions(connection, rules.catalog, [each.subscription for each in people if each.changed], before)
        run_pass(store, rules, now)
        oracle.pass_at(now, people)
        count += 1
    found, missed = what_happened(store)
    assert found == Counter(oracle.decided), describe(found, Counter(oracle.decided))
    assert missed == +oracle.missed, describe(missed, oracle.missed)
    return {
        "days": days,
        "passes": count,
        "changes": changes,
        "decided": found.total(),
        "missed": missed.total(),
    }


def what_happened(store: Store) -> tuple[Counter, Counter]:
    with store.read() as connection:
        query = sa.select(decisions.c.rule, decisions.c.subject, decisions.c.local_date)
        found = Counter(tuple(row) for row in connection.execute(query))
        columns = (counters.c.rule, counters.c.local_date, counters.c.missed, counters.c.due, counters.c.not_matched)
        missed: Counter = Counter()
        for rule, day, count, due, not_matched in connection.execute(sa.select(*columns)):
            missed[rule, day] += count
            assert not_matched == 0, "every occurrence matches: none was counted twice"
            assert due >= count
        total = connection.scalar(sa.select(sa.func.sum(counters.c.due)))
    assert total == found.total() + missed.total()
    return found, +missed


def describe(found: Counter, expected: Counter) -> str:
    more, less = sorted((found - expected).items()), sorted((expected - found).items())
    return f"{len(more)} too many, such as {more[:5]}; {len(less)} are not there, such as {less[:5]}"


def main() -> None:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 365
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{Path(place) / 'carpe.db'}"
        upgrade(url)
        store = open_store(url)
        print(simulate(store, days, seed))
        store.close()


if __name__ == "__main__":
    main()
