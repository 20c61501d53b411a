"""Hold-outs, arms, caps, budgets and standing offers over several passes, against an oracle of plain loops."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from dsl.typed import Ruleset
from engine.online.desk import EventDesk
from engine.online.drafts import Telling
from engine.online.incoming import IncomingEvent
from engine.passes import run_pass
from engine.store.session import Store, open_store
from engine.store.tables import assignments, budgets, decisions, deliveries, draws, exposures, offer_counts, offers
from engine.store.zones import shard_of
from tests import world

FIRST = dt.date(2026, 3, 2)  # a Monday
DAYS = [FIRST + dt.timedelta(n) for n in range(4)]
EVERY_DAY = "on " + " or ".join(str(day) for day in DAYS)
RULES = f"""
rule half {EVERY_DAY} where country is known offer premium at 50% off for 2 months priority 5 hold out {{held}}
  expires after 24 hours budget $200 per week
rule hello {EVERY_DAY} say "Hello" priority 3 at most once per 2 days hold out 25%
rule tried {EVERY_DAY} where country = DE priority 2 split 40% small: offer backup at 20% off for 1 month
rule scarce {EVERY_DAY} say "Only a few" priority 1 at most 3 customers per day
"""
ORDER = ("half", "hello", "tried", "scarce")
PEOPLE = [f"c{number:03}" for number in range(60)]


def rules(held: str = "30%") -> Ruleset:
    return world.ruleset(RULES.format(held=held))


def country(person: str) -> str | None:
    return random.Random(person).choice(["US", "DE", None])


def fill(store: Store) -> None:
    started = dt.date(2025, 5, 17)
    known = {person: country(person) for person in PEOPLE}
    customers = [{"customer.id": one, **({"customer.country": land} if land else {})} for one, land in known.items()]
    held = [
        {
            "customer.id": one,
            "subscription.id": f"s-{one}",
            "subscription.plan": "basic",
            "subscription.status": "active",
            "subscription.started_on": started,
            "subscription.billing_interval": "month",
            "subscription.currency": "USD",
            "subscription.addons": frozenset[str](),
        }
        for one in PEOPLE
    ]
    world.put(store, rules(), world.World(customers, held), dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(20), dt.UTC)


# --- the oracle ------------------------------------------------------------------------------------------------------


@dataclass
class Oracle:
    """What the passes so far left, by plain loops; `arm` is by experiment and customer."""

    cost: int
    arm: dict[tuple[str, str], str]
    spent: int = 0
    offered: dict[tuple[str, str], dt.datetime | None] = field(default_factory=dict)  # when it ends
    greeted: dict[str, list[dt.datetime]] = field(default_factory=dict)
    found: dict[tuple[dt.date, str, str], tuple[str, str | None]] = field(default_factory=dict)

    def day(self, day: dt.date) -> None:
        places = 3
        for person in sorted(PEOPLE, key=lambda one: (shard_of(one), one)):
            winner = None
            for rule in ORDER:
                if (rule == "half" and country(person) is None) or (rule == "tried" and country(person) != "DE"):
                    continue
                held = self.obstacle(rule, person, day)
                if held is None and self.is_ghost(rule, person):
                    held = "outranked" if winner else "control_arm" if rule == "tried" else "hold_out"
                    self.meet(rule, person, day, made=held == "outranked")
                elif held is None and winner:
                    held = "outranked"
                elif held is None and rule == "half" and self.spent + self.cost > 20_000:
                    held = "budget_spent"
                elif held is None and rule == "scarce" and not places:
                    held = "places_taken"
                elif held is None:
                    winner = rule
                    self.win(rule, person, day)
                    places -= rule == "scarce"
                said = "offered" if rule in ("half", "tried") else "said"
                result = said if held is None else "held_out" if held in ("hold_out", "control_arm") else "held"
                self.found[day, person, rule] = result, held

    def obstacle(self, rule: str, person: str, day: dt.date) -> str | None:
        if (rule, person) in self.offered:
            ends = self.offered[rule, person]
            return "offer_stands" if ends is None or ends > noon(day) else None
        if rule == "hello" and any(day - one.date() < dt.timedelta(2) for one in self.greeted.get(person, ())):
            return "met_lately"
        return None

    def is_ghost(self, rule: str, person: str) -> bool:
        kind, arm = ("split", "control") if rule == "tried" else ("hold_out", "held_out")
        return self.arm.get((f"{kind}:{rule}", person)) == arm

    def meet(self, rule: str, person: str, day: dt.date, *, made: bool) -> None:
        """A ghost counts for caps as the contact would have done."""
        if rule == "hello" and not made:
            self.greeted.setdefault(person, []).append(noon(day))

    def win(self, rule: str, person: str, day: dt.date) -> None:
        self.meet(rule, person, day, made=False)
        if rule == "half":
            self.spent += self.cost
            self.offered[rule, person] = noon(day) + dt.timedelta(hours=24)
        if rule == "tried":
            self.offered[rule, person] = None


def decided(store: Store) -> dict[tuple[dt.date, str, str], tuple[str, str | None]]:
    columns = (
        decisions.c.local_date,
        decisions.c.customer_id,
        decisions.c.rule,
        decisions.c.result,
        decisions.c.reason,
    )
    with store.read() as connection:
        found = connection.execute(sa.select(*columns)).all()
    assert len({tuple(row[:3]) for row in found}) == len(found), "one result a match"
    return {tuple(row[:3]): tuple(row[3:]) for row in found}  # type: ignore[misc]


def arms(store: Store) -> dict[tuple[str, str], str]:
    with store.read() as connection:
        return {(row.experiment, row.customer_id): row.arm for row in connection.execute(sa.select(assignments))}


def test_passes_against_plain_loops(store: Store) -> None:
    fill(store)
    run_pass(store, rules(), noon(DAYS[0]), day=DAYS[0])
    first = arms(store)
    assert set(Counter(experiment for experiment, _ in first)) == {"hold_out:half", "hold_out:hello", "split:tried"}
    oracle = Oracle(cost=4_000, arm=first)
    oracle.day(DAYS[0])
    assert decided(store) == oracle.found
    for day in DAYS[1:]:
        edited = replace(rules("80%"), rules=rules("80%").rules[::-1])  # nor does the order of rules matter
        run_pass(store, edited, noon(day), day=day)
        assert arms(store) == first, "who was assigned stays, whatever the shares are now"
        run_pass(store, edited, noon(day), day=day)  # repeats nothing
        oracle.day(day)
        assert decided(store) == oracle.found, day
    assert_booked(store, oracle)
    reasons = {reason for _, reason in oracle.found.values()}
    assert reasons >= {"hold_out", "control_arm", "budget_spent", "places_taken", "met_lately", "offer_stands"}


def assert_booked(store: Store, oracle: Oracle) -> None:
    """Budgets are the sums of the draws, each winner of an offer has one, each exposure the arm of its customer."""
    with store.read() as connection:
        books = connection.execute(sa.select(budgets)).all()
        drawn = Counter()
        for row in connection.execute(sa.select(draws)):
            drawn[row.rule, row.starts_on] += row.amount
        assert {(row.rule, row.starts_on): row.reserved for row in books} == drawn
        assert all(row.reserved <= row.most for row in books)
        assert drawn["half", FIRST] == oracle.spent
        made = {(row.customer_id, row.rule): row for row in connection.execute(sa.select(offers))}
        assert {(person, rule) for rule, person in oracle.offered} == made.keys()
        for (_, rule), row in made.items():
            assert (row.discount, row.price) == ((4_000, 2_000) if rule == "half" else (100, 400))
            assert row.basis == {"plan": "basic", "billing_interval": "month", "currency": "USD"}
            assert (row.expires_at is None) == (rule == "tried")
        shown = {row.product: row.shown for row in connection.execute(sa.select(offer_counts))}
        assert shown == Counter(connection.scalars(sa.select(offers.c.product)))
        seen = {row.decision_id: row for row in connection.execute(sa.select(exposures)) if "half" in row.experiment}
        told = connection.execute(sa.select(decisions).where(decisions.c.rule == "half")).all()
        exposed = {row.id for row in told if row.result == "offered" or row.reason == "hold_out"}
        assert seen.keys() == exposed
        assert all(row.ghost == (row.arm == "held_out") for row in seen.values())


# --- properties ------------------------------------------------------------------------------------------------------


@pytest.fixture
def desks(store: Store, database_url: str) -> Iterator[list[EventDesk]]:
    other = open_store(database_url)
    ruleset = world.ruleset('rule two on website_visit say "Two." via in_app at most 7 customers per day')
    yield [EventDesk(each, lambda: ruleset) for each in (store, other)]
    other.close()


def test_two_workers_hold_a_limit_exactly(store: Store, desks: list[EventDesk]) -> None:
    fill(store)
    now, together = noon(DAYS[0]), Barrier(2)

    def work(number: int) -> None:
        together.wait()
        for person in PEOPLE[number:30:2]:
            event = IncomingEvent(
                "app", f"e-{person}", "website_visit", person, now, None, {"page": "/", "seconds": 1.0}
            )
            desks[number].tell_all([Telling(event, now, decides=True)])

    workers = [Thread(target=work, args=(number,)) for number in (0, 1)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    with store.read() as connection:
        results = Counter(connection.scalars(sa.select(decisions.c.result)))
        reserved = connection.scalar(sa.select(budgets.c.reserved))
    assert (results, reserved) == ({"said": 7, "held": 23}, 7)


QUIET = world.CATALOG.replace("policies:\n", "policies:\n  quiet: {in_app: {from: '20:00', until: '07:30'}}\n")


def test_what_falls_into_quiet_hours_is_sent_when_they_end(store: Store) -> None:
    """Of an event at 20:30 in Berlin and 15:30 in New York, as of a pass: only Berlin waits, until 7:30 there."""
    ruleset = world.ruleset('rule late on website_visit say "Late." via in_app', QUIET)
    fill(store)
    at = dt.datetime(2026, 3, 2, 19, 30, tzinfo=dt.UTC)
    events = [
        IncomingEvent("app", person, "website_visit", person, at, None, {"page": "/", "seconds": 1.0})
        for person in PEOPLE
    ]
    EventDesk(store, lambda: ruleset).tell_all([Telling(one, at, decides=True) for one in events])
    morning = dt.datetime(2026, 3, 3, 6, 30, tzinfo=dt.UTC)
    with store.read() as connection:
        due = dict(map(tuple, connection.execute(sa.select(deliveries.c.customer_id, deliveries.c.due_at))))
    assert due == {person: morning if country(person) == "DE" else at for person in PEOPLE}
