"""Events decided as they come, against the calls of a pass: the same decisions, receipts, deliveries and counters."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import make_tables
from world import put as put_world
from world import ruleset, world

from dsl.typed import Ruleset
from engine.decisions.common_counters import settle
from engine.online.desk import EventDesk
from engine.online.drafts import Telling, draft
from engine.online.incoming import Answer, IncomingEvent
from engine.online.recorded import decide_recorded
from engine.plans import plans_of
from engine.reports.decisions import DecisionLine
from engine.store.documents import dump
from engine.store.events import Event, put_events
from engine.store.session import Store, open_store
from engine.store.tables import (
    assignments,
    budgets,
    counters,
    customers,
    decisions,
    deliveries,
    draws,
    events,
    exposures,
    offer_counts,
    offers,
    receipts,
)

NOW = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

RULES = """
rule plans on website_visit where page like "/pricing*" and seconds > 10 offer best of premium, basic priority 6
rule rich on website_visit where mrr > $20 or country = DE offer backup via email, in_app priority 3
rule often on website_visit where count of website_visit in last 30 days > 2 and country in (US, DE)
  say "Again?" via in_app
rule quiet on website_visit where no payment_failed in last 12 months and seconds <= 10 say "Hello." via email
rule asked on website_visit where was offered any in last 90 days say "Did you like it?" via in_app priority 1
rule known on website_visit where not (country = JP) and first_name is known tag seen
rule tagged on website_visit where is tagged seen say "Seen you." via email, in_app
rule both on website_visit or payment_failed where tenure > 3 months say "Both." via in_app
rule born on website_visit where date_of_birth before 2000-01-01 say "Hello {{ first_name }}" via email
rule dunning on payment_failed where attempt >= 2 or amount > $30 say "Please pay." via in_app
rule sums on payment_failed where sum of amount of payment_failed in last 90 days > $50 untag seen
rule paused on website_visit where seconds > 1 say "Never." via in_app priority 9
rule over on website_visit say "Over." via in_app priority 9 until 2026-03-10
rule tried on website_visit where seconds > 20 offer basic at 10% off hold out 30% expires after 2 hours priority 7
rule arms on website_visit where page = "/help" priority 8 hold out 20%
  split 5% small: say "Small." 15% large: offer backup with 1 month free
rule scarce on payment_failed where attempt = 1 say "Two a day." via in_app priority 4 at most 2 customers per day
rule purse on payment_failed where amount > $30 offer premium at 50% off priority 5 budget $120 per week
rule rare on website_visit where seconds < 5 say "Rarely." via in_app priority 2 at most once per 2 hours
rule serve on payment_failed say "As a service." via email as service priority 1 worth $2
"""


def told(rng: random.Random, number: int, people: list[str], held: dict[str, list[str]]) -> IncomingEvent:
    """Something that may be refused, may come late, and often happens to the same few."""
    customer = rng.choice(people[:8] if rng.random() < 0.7 else [*people, "nobody"])
    at = NOW - rng.choice([0, 1, 2, 3, 20, 30, 4000]) * HOUR - dt.timedelta(seconds=rng.randrange(3))
    if rng.random() < 0.45:
        properties = {"amount": rng.choice(["12.00 USD", "45.00 USD", "45.00 EUR"]), "attempt": rng.randrange(1, 4)}
        mine = rng.choice([*held.get(customer, []), None])
        return IncomingEvent("shop", f"e{number}", "payment_failed", customer, at, mine, properties)
    properties = {"page": rng.choice(["/pricing", "/help"]), "seconds": rng.choice([0.5, 7.5, 42])}
    if rng.random() < 0.2:
        del properties[rng.choice(["page", "seconds"])]
    return IncomingEvent("app", f"e{number}", "website_visit", customer, at, None, properties)


TABLES = {
    decisions: tuple(column.name for column in decisions.c if column.name != "pass_id"),
    receipts: ("decision_id", "body"),
    deliveries: ("decision_id", "channel", "customer_id", "state", "due_at", "content"),
    events: tuple(column.name for column in events.c),
    offers: tuple(column.name for column in offers.c),
    offer_counts: tuple(column.name for column in offer_counts.c),
    assignments: tuple(column.name for column in assignments.c),
    exposures: tuple(column.name for column in exposures.c),
    draws: tuple(column.name for column in draws.c),
    budgets: tuple(column.name for column in budgets.c),
    customers: ("id", "tags", "valid_from"),
    counters: tuple(column.name for column in counters.c),
}


def left(store: Store) -> dict[str, list[str]]:
    """What a store holds, counters by rule, in order."""
    with store.write() as connection:
        settle(connection)
    with store.read() as connection:
        return {
            table.name: sorted(map(canonical, connection.execute(sa.select(*(table.c[name] for name in names)))))
            for table, names in TABLES.items()
        }


def canonical(row: sa.Row) -> str:
    """A row as one text, whatever the order of a document's members."""
    return repr([dump(value) if isinstance(value, dict) else value for value in row])


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Store]:
    make_tables(tmp_path / "twin.db")
    store = open_store(f"sqlite:///{tmp_path / 'twin.db'}")
    yield store
    store.close()


Decided = tuple[DecisionLine, ...] | None


def one_by_one(store: Store, rules: Ruleset, group: list[IncomingEvent], now: dt.datetime) -> Iterator[Decided]:
    """The way of a pass: each recorded, then what waits decided. None where it was refused."""
    plans = plans_of(rules)
    with store.write() as connection:
        for told in group:
            values = draft(rules, Telling(told, now, decides=True)).properties
            one = Event(told.id, told.moment, told.customer, told.occurred_at, values, told.subscription, told.source)
            kept = put_events(connection, rules.catalog, [one], now, catch_up=plans.event_bounds)
            lines = decide_recorded(connection, store, plans, told.source, [told.id], now)
            yield None if kept.refusals else lines[told.id]


@pytest.mark.parametrize("size", [4, 24])
def test_events_of_a_group_are_decided_as_one_after_the_other(
    store: Store, twin: Store, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    rules, made, rng = ruleset(RULES), world(40), random.Random(5)
    held: dict[str, list[str]] = {}
    for each in made.subscriptions:
        held.setdefault(str(each["customer.id"]), []).append(str(each["subscription.id"]))
    people = sorted((str(each["customer.id"]) for each in made.customers), key=lambda one: -len(held.get(one, ())))
    for each in (store, twin):
        put_world(each, rules, made, NOW - 5000 * HOUR)
    desk = EventDesk(store, lambda: rules)
    stream = [told(rng, number, people, held) for number in range(110)]
    stream += rng.sample(stream, 6)
    for start in range(0, len(stream), size):
        group = stream[start : start + size]
        now = NOW + start * dt.timedelta(minutes=1)
        answers = desk.tell_all([Telling(event, now, decides=True) for event in group])
        for event, answer, expected in zip(group, answers, one_by_one(twin, rules, group, now), strict=True):
            assert (answer.decisions if isinstance(answer, Answer) else None) == expected, event
    assert not caplog.records, "they were written together"
    found, expected_tables = left(store), left(twin)
    for name, rows in expected_tables.items():
        assert found[name] == rows, name
    with store.read() as connection:
        assert set(connection.scalars(sa.select(decisions.c.rule))) == {rule.name for rule in rules.rules} - {"over"}
        assert set(connection.scalars(sa.select(decisions.c.result))) == {
            "offered",
            "said",
            "tagged",
            "held",
            "held_out",
        }
        reasons = set(connection.scalars(sa.select(decisions.c.reason)))
        assert reasons >= {"offer_stands", "places_taken", "budget_spent", "hold_out", "control_arm", "met_lately"}, (
            reasons
        )
