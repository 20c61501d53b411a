"""Rules that ask the past: one event at a time decides what a pass decides, and every page tells the same values."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import sqlalchemy as sa

from engine.event_bounds import live_bounds
from engine.event_path import decide_event, would_decide
from engine.passes import run_pass
from engine.simulation.explain import explain
from engine.simulation.preview import preview
from engine.store.events import Event, put_events
from engine.store.session import Store, open_store
from engine.store.tables import decisions, receipts
from tests import world
from tests.conftest import make_tables

RULES = world.ruleset("""
rule curious on website_visit where count of website_visit where (page like "/p*") in last 3 days >= 2 offer premium
rule reader on website_visit where sum of seconds of website_visit in last 1 month > 60 and country is known tag reader
rule again on payment_failed where any payment_failed in last 9 days and mrr * 12 > $99 say "Again?" via in_app
rule first on payment_failed where sum of amount of payment_failed in last 1 year <= $40 say "Once." via in_app
rule page on website_visit or payment_failed where website_visit.page = "/pricing" tag priced
rule quiet on birthday where no website_visit in last 1 month or last website_visit more than 5 days ago tag quiet
""")
FIRST = dt.datetime(2026, 2, 10, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 12, tzinfo=dt.UTC)
MADE = world.world(40)


def month_of_events() -> list[Event]:
    rng = random.Random(4)
    events = []
    for number in range(70):
        at = FIRST + dt.timedelta(minutes=rng.randrange(30 * 24 * 60))
        if rng.random() < 0.3:
            held = rng.choice(MADE.subscriptions)
            told = {"amount": held.get("subscription.mrr"), "attempt": 1}
            told = {name: value for name, value in told.items() if value is not None}
            one = Event(f"e{number}", "payment_failed", held["customer.id"], at, told, held["subscription.id"])
        else:
            told = {"page": rng.choice(("/pricing", "/plans", "/help")), "seconds": float(rng.randrange(40))}
            one = Event(f"e{number}", "website_visit", f"c{rng.randrange(40):04}", at, told)
        events.append(one)
    return sorted(events, key=lambda one: one.occurred_at)


def opened(folder: Path, name: str) -> Store:
    make_tables(folder / f"{name}.db")
    store = open_store(f"sqlite:///{folder / name}.db")
    world.put(store, RULES, MADE, FIRST)
    return store


def decided(store: Store) -> dict[str, tuple]:
    with store.read() as connection:
        query = sa.select(decisions.c.id, decisions.c.rule, decisions.c.result, decisions.c.reason, receipts.c.body)
        return {row[0]: tuple(row[1:]) for row in connection.execute(query.join(receipts))}


def test_deciding_event_by_event_is_deciding_by_passes(tmp_path: Path) -> None:
    one_by_one, at_once = opened(tmp_path, "events"), opened(tmp_path, "passes")
    told = month_of_events()
    for event in told:
        with one_by_one.write() as connection:
            put_events(connection, RULES.catalog, [event], event.occurred_at)
        decide_event(one_by_one, RULES, event.source, event.id, event.occurred_at)
    with at_once.write() as connection:
        put_events(connection, RULES.catalog, told, NOW, catch_up=live_bounds(RULES.catalog))
    run_pass(at_once, RULES, NOW)
    found = {key: each for key, each in decided(at_once).items() if each[0] != "quiet"}
    assert found == decided(one_by_one)
    assert {each[0] for each in found.values()} == {"curious", "reader", "again", "first", "page"}


def test_a_preview_and_an_explanation_tell_what_the_pass_found(tmp_path: Path) -> None:
    store = opened(tmp_path, "day")
    with store.write() as connection:
        put_events(connection, RULES.catalog, month_of_events(), NOW)
    rule = RULES.rule("quiet")
    assert rule is not None
    days = [NOW.date() - dt.timedelta(days) for days in range(365)]
    looked = {day: preview(store, RULES, rule, day, NOW) for day in days[::12]}
    due = {day: each for day, each in looked.items() if each.due}
    for day, each in due.items():
        run_pass(store, world.without(RULES, "wishes"), NOW, day=day)
        with store.read() as connection:
            query = sa.select(decisions.c.customer_id, decisions.c.subscription_id, receipts.c.body).join(receipts)
            made = connection.execute(query.where(decisions.c.local_date == day, decisions.c.rule == "quiet")).all()
        assert len(made) == each.matched
        assert [clause.text for clause in each.clauses][1:] == [
            "no website_visit in last 1 month",
            "last website_visit more than 5 days ago",
        ]
        for customer, subscription, body in made:
            told = explain(store, RULES, rule, day, NOW, customer=customer, subscription=subscription)
            assert [[one.text, one.value, one.verdict, one.depth] for one in told.clauses] == body["clauses"]
            assert told.verdict is True
    assert any(each.matched for each in due.values())


def test_what_would_be_decided_counts_the_event_that_is_asked_about(tmp_path: Path) -> None:
    store = opened(tmp_path, "asked")
    people = sorted(
        {str(held["customer.id"]) for held in MADE.subscriptions if held.get("subscription.plan") == "basic"}
    )
    before = [Event(f"b{n}", "website_visit", one, NOW, {"page": "/plans"}) for n, one in enumerate(people)]
    later = NOW + dt.timedelta(hours=1)

    def asked(page: str) -> set[str]:
        lines = [would_decide(store, RULES, "website_visit", one, later, properties={"page": page}) for one in people]
        return {line.rule for some in lines for line in some}

    assert asked("/pricing") == {"page"}
    with store.write() as connection:
        put_events(connection, RULES.catalog, before, NOW)
    assert asked("/help") == set()
    assert asked("/pricing") == {"page", "curious"}
