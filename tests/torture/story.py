"""The story that schedulers live through while they are tormented, and an oracle of what had to become of it.

People of three kinds. Those who *stay* keep their zone and dates: of them everything is known beforehand. Those who
*move* change their zone, and those who *come* are new, both while passes run: which pass finds them depends on the
moment, but a rule that may catch up for longer than any outage meets each of their occurrences exactly once. *Shifters*
correct the date that a monthly moment hangs on: neither two in one period nor none.

The oracle is plain loops over python-dateutil. It knows no ledger, no batch and no pass.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dateutil.relativedelta import relativedelta

from dsl.datatypes import Money
from dsl.typed import Ruleset
from tests import world

DAY = dt.timedelta(days=1)
START = dt.datetime(2026, 3, 20, 23, tzinfo=dt.UTC)
"""An hour at which the last sending hour (9:00) that came was that of the same day in all of `ZONES`."""

ZONES = (
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Los_Angeles",
)
PATIENT = "catch up within 9 days"

CATALOG = world.CATALOG.replace(
    "moments:",
    """  shifts_on:        {type: date}
moments:
  monthly:  {recurs: month, from: started_on}
  shifting: {recurs: month, from: shifts_on}
  visit:    {event: true, properties: {pages: count}}""",
    1,
)
RULES = f"""
rule birthday_patient on birthday say "Happy birthday!" via in_app {PATIENT}
rule birthday_mail on birthday where country = DE say "Hello, {{{{ first_name }}}}." via email priority 2 {PATIENT}
rule birthday_never on birthday say "Now or never." via email priority 1 catch up never
rule monthly_patient on monthly where mrr > $20 offer backup via in_app {PATIENT}
rule monthly_default on monthly say "Another month." via email, in_app priority 3
rule renewal_ahead on 3 days before renewal where plan = basic offer premium via email, in_app {PATIENT}
rule renewal_tag on renewal tag renewed {PATIENT}
rule shifting_patient on shifting say "Corrected." via in_app {PATIENT}
rule visit_many on visit where pages > 3 say "You read a lot." via in_app {PATIENT}
rule visit_never on visit say "Welcome back." via in_app catch up never
rule visit_after on 6 hours after visit where pages > 1 offer premium via email, in_app {PATIENT}
"""


def ruleset() -> Ruleset:
    return world.ruleset(RULES, CATALOG)


# Of a rule: its moment, local days that it comes before it, whether it may be as late as any outage is long.
SCHEDULED = {
    "birthday_patient": ("birthday", 0, True),
    "birthday_mail": ("birthday", 0, True),
    "birthday_never": ("birthday", 0, False),
    "monthly_patient": ("monthly", 0, True),
    "monthly_default": ("monthly", 0, False),
    "renewal_ahead": ("renewal", 3, True),
    "renewal_tag": ("renewal", 0, True),
}
VISITS = {"visit_many": dt.timedelta(0), "visit_never": dt.timedelta(0), "visit_after": dt.timedelta(hours=6)}


@dataclass
class Person:
    """A customer with one subscription. `kind` is stays, moves, comes or shifts."""

    number: int
    kind: str
    zone: str
    country: str
    consents: bool
    plan: str
    mrr: int
    born: dt.date | None = None
    started: dt.date | None = None
    renews: dt.date | None = None
    shifts: list[dt.date] = field(default_factory=list)  # the dates that it had, the last is true now
    since: dt.date = dt.date.min  # no occurrence before counts

    @property
    def customer_id(self) -> str:
        return f"c{self.number}"

    @property
    def subscription_id(self) -> str:
        return f"s{self.number}"

    @property
    def customer(self) -> dict:
        row = {
            "customer.id": self.customer_id,
            "customer.timezone": self.zone,
            "customer.first_name": "Ada",
            "customer.country": self.country,
            "customer.marketing_ok": self.consents,
            "customer.date_of_birth": self.born,
        }
        return _known(row)

    @property
    def subscription(self) -> dict:
        row = {
            "subscription.id": self.subscription_id,
            "customer.id": self.customer_id,
            "subscription.plan": self.plan,
            "subscription.status": "active",
            "subscription.mrr": Money(self.mrr, "USD"),
            "subscription.started_on": self.started,
            "subscription.renews_on": self.renews,
            "subscription.shifts_on": self.shifts[-1] if self.shifts else None,
        }
        return _known(row)

    def matches(self, rule: str) -> bool:
        """The rule's condition, told again."""
        asks = {
            "birthday_mail": self.country == "DE",
            "monthly_patient": self.mrr > 2000,
            "renewal_ahead": self.plan == "basic",
        }
        return asks.get(rule, True)


def _known(row: Mapping[str, object]) -> dict:
    return {key: value for key, value in row.items() if value is not None}


def person(number: int, kind: str, rng: random.Random, day: dt.date, days: int) -> Person:
    """Somebody whose dates fall into the `days` from `day` on; one that comes is new that day."""
    zone = ZONES[number] if number < len(ZONES) else rng.choice(ZONES)
    country, plan = rng.choice(("US", "DE", "JP")), rng.choice(("basic", "premium"))
    made = Person(number, kind, zone, country, rng.random() < 0.7, plan, rng.choice((1000, 4000)))
    born, starts, renews, shifts = (day + rng.randrange(days) * DAY for _ in range(4))
    if kind == "shifts":
        made.shifts = [shifts - relativedelta(months=rng.randrange(2, 30))]
        return made
    made.born = born - relativedelta(years=rng.randrange(20, 60))
    if kind == "comes":
        made.since, made.started = day, starts - relativedelta(years=2)  # the month before, it fell on the same day
    else:
        made.started = rng.choice((starts, dt.date(2026, 1, 31))) - relativedelta(months=rng.randrange(12, 30))
    made.renews = renews
    return made


@dataclass(frozen=True)
class Visit:
    """An event as it was told at `told_at`."""

    id: str
    customer_id: str
    occurred_at: dt.datetime
    told_at: dt.datetime
    pages: int

    @property
    def is_history(self) -> bool:
        return self.told_at - self.occurred_at > 9 * DAY


# --- the oracle ------------------------------------------------------------------------------------------------------


def occurs(who: Person, moment: str, day: dt.date) -> bool:
    """Whether the moment has an occurrence of the person on the day."""
    match moment:
        case "birthday":
            return _recurs(who.born, 12, day)
        case "monthly":
            return _recurs(who.started, 1, day)
        case _:
            return who.renews == day


def _recurs(anchor: dt.date | None, step: int, day: dt.date) -> bool:
    if anchor is None:
        return False
    passed = (day.year - anchor.year) * 12 + day.month - anchor.month
    return passed > 0 and passed % step == 0 and anchor + relativedelta(months=passed) == day


def recurring_days(anchor: dt.date, days: Iterable[dt.date]) -> list[dt.date]:
    """The days among some on which a monthly moment from the anchor occurs."""
    return [day for day in days if _recurs(anchor, 1, day)]


def key(moment: str, day: dt.date) -> str:
    return {"birthday": f"birthday:{day:%Y}", "monthly": f"monthly:{day:%Y-%m}"}.get(moment, f"{moment}:{day}")


Identity = tuple[str, str, str]
"""rule, subject, occurrence"""


@dataclass
class Expected:
    """What is due by rule and local day, apart by whether it is exact; and who matches, by identity."""

    exact: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    loose: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    matching: set[Identity] = field(default_factory=set)
    must: set[Identity] = field(default_factory=set)  # matching, and never too late


def expect(people: list[Person], first: dt.date, last: dt.date) -> Expected:
    """All scheduled occurrences of the local days from first to last, but for those of shifters."""
    found = Expected()
    for rule, who, day, occurrence in _due(people, first, last):
        moment, _, patient = SCHEDULED[rule]
        is_exact = who.kind == "stays" or patient
        (found.exact if is_exact else found.loose)[rule, day] += 1
        if who.matches(rule):
            subject = who.customer_id if moment == "birthday" else who.subscription_id
            identity = rule, subject, occurrence
            found.matching.add(identity)
            if patient:
                found.must.add(identity)
    return found


def _due(people: list[Person], first: dt.date, last: dt.date) -> Iterator[tuple[str, Person, dt.date, str]]:
    for number in range((last - first).days + 1):
        day = first + number * DAY
        for rule, (moment, ahead, _) in SCHEDULED.items():
            on = day + ahead * DAY
            for who in people:
                if who.kind != "shifts" and on >= who.since and occurs(who, moment, on):
                    yield rule, who, day, key(moment, on)
