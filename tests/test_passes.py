"""Passes over days against an oracle of plain loops (python-dateutil, the interpreter); once only, and conservation."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from threading import Thread

import pytest
import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from dsl.typed import Offer, Rule, Tag
from engine.decisions import ledger
from engine.deliveries.outbox import deliver
from engine.matching.interpreter import holds
from engine.passes import PassReport, due_day, run_pass
from engine.store.events import Event, put_events
from engine.store.forget import forget
from engine.store.session import Store, open_store
from engine.store.state import customer_states
from engine.store.tables import batches, counters, customers, customers_history, decisions, deliveries, events
from tests import world

NOW = dt.datetime(2026, 2, 28, 12, tzinfo=dt.UTC)
FIRST = dt.date(2026, 2, 28)  # where 31 January, 29 February of a birthday and a leap year's anchors fall
DAYS = [FIRST + dt.timedelta(n) for n in range(14)]


def rows(store: Store, *columns: sa.Column) -> list[tuple]:
    with store.read() as connection:
        return sorted(map(tuple, connection.execute(sa.select(*columns))), key=repr)


def assert_conserved(store: Store) -> None:
    """due = not matched + offered + held + held out + missed, for each rule and day, and the rows are those counted."""
    counted = Counter()
    with store.read() as connection:
        for each in connection.execute(sa.select(counters)):
            parts = each.not_matched + each.offered + each.held + each.held_out + each.missed
            assert each.due == parts, each
            assert min(each[5:]) >= 0, each
            counted[each.rule] += each.offered + each.held + each.held_out
        found = Counter(connection.scalars(sa.select(decisions.c.rule)))
    assert +counted == found


# --- the oracle ------------------------------------------------------------------------------------------------------


def is_due(moment: str, offset: int, row: dict, day: dt.date) -> str | None:
    """The occurrence's key by python-dateutil, from the original anchor."""
    on = day - dt.timedelta(days=offset)
    if moment == "renewal":
        return f"renewal:{on}" if row.get("subscription.renews_on") == on else None
    if moment == "birthday":
        anchor, step, name = row.get("customer.date_of_birth"), 12, f"{on:%Y}"
    else:
        anchor = row.get("subscription.started_on")
        step = {"month": 1, "year": 12, None: 0}[row.get("subscription.billing_interval")]
        name = f"{on:%Y-%m}" if step == 1 else f"{on:%Y}"
    if anchor is None or not step:
        return None
    months = (on.year - anchor.year) * 12 + on.month - anchor.month
    if months <= 0 or months % step or anchor + relativedelta(months=months) != on:
        return None
    return f"{moment}:{name}"


def expected_day(made: world.World, rules: tuple[Rule, ...], day: dt.date, seen: set) -> set[tuple]:
    """(rule, subject, occurrence, result) of a day; `seen` are (rule, subject, occurrence) decided before."""
    found = set()
    for person in made.customers:
        held = [each for each in made.subscriptions if each["customer.id"] == person["customer.id"]]
        alive = [each for each in held if each.get("subscription.status") != "cancelled"]
        candidates: dict[tuple, tuple] = {}
        for rule in rules:
            for use in rule.moments:
                if use.moment in ("website_visit", "payment_failed"):
                    continue
                of_customer = use.moment == "birthday"
                for each in alive if held else ([{}] if of_customer else []):
                    row = {**person, **each}
                    key = is_due(use.moment, use.offset, row, day)
                    if key is None or holds(rule.condition, row, day) is not True:
                        continue
                    subject = person["customer.id"] if of_customer else each["subscription.id"]
                    if (rule.name, subject, key) in seen:
                        continue
                    reason = obstacle(rule, row)
                    worth = 0 if not may_have(rule, row) else -value(rule, row)
                    rank = (reason, -rule.priority, worth, rule.name, subject, each.get("subscription.id", ""))
                    best = candidates.get((rule.name, subject, key))
                    if best is None or rank < best[0]:
                        candidates[rule.name, subject, key] = (rank, rule, reason)
        contacts = [each for each in candidates.values() if not each[2] and not isinstance(each[1].actions[0], Tag)]
        winner = min((each[0] for each in contacts), default=None)
        for identity, (rank, rule, reason) in candidates.items():
            first = rule.actions[0]
            won = "offered" if isinstance(first, Offer) else "tagged" if isinstance(first, Tag) else "said"
            loses = not isinstance(first, Tag) and rank != winner
            found.add((*identity, "held" if reason or loses else won))
    return found


def obstacle(rule: Rule, row: dict) -> bool:
    """Whether the customer may not have the offer or not be met."""
    may_mail = row.get("customer.marketing_ok") is True
    unmet = not isinstance(rule.actions[0], Tag) and not any(channel != "email" or may_mail for channel in rule.via)
    return unmet or not may_have(rule, row)


def may_have(rule: Rule, row: dict) -> bool:
    """Whether what the rule offers is not held, and sold in the subscription's currency and interval."""
    first = rule.actions[0]
    if not isinstance(first, Offer):
        return True
    product, mrr = first.products[0], row.get("subscription.mrr")
    in_dollars = mrr is None or mrr.currency == "USD"
    if product == "backup":
        return bool(row.get("subscription.id")) and "backup" not in row["subscription.addons"] and in_dollars
    monthly = row.get("subscription.billing_interval") != "year"
    return row.get("subscription.plan") != product and in_dollars and monthly


def value(rule: Rule, row: dict) -> int:
    """What a year of the offer brings more than a year of what it replaces, in dollars."""
    first = rule.actions[0]
    if not isinstance(first, Offer):
        return 0
    prices = {"basic": 10, "premium": 40, "backup": 5}
    replaced = prices.get(row.get("subscription.plan"), 0) if first.products[0] in ("basic", "premium") else 0
    return 12 * (prices[first.products[0]] - replaced)


def test_two_weeks_of_passes_are_what_plain_loops_find(store: Store):
    rules, made = world.ruleset(), world.world()
    world.put(store, rules, made, NOW)
    expected: set[tuple] = set()
    for day in DAYS:
        report = run_pass(store, rules, NOW, day=day)
        expected |= expected_day(made, rules.rules, day, {each[:3] for each in expected})
        assert report.total("due") == sum(
            report.total(name) for name in ("not_matched", "offered", "held", "held_out", "missed")
        )
    found = rows(store, *(decisions.c[name] for name in ("rule", "subject", "occurrence", "result")))
    assert set(found) == expected
    assert len(found) == len(expected) > 100
    assert {result for *_, result in found} == {"offered", "said", "tagged", "held"}
    assert_conserved(store)


# --- once only -------------------------------------------------------------------------------------------------------


def test_a_second_run_decides_nothing_new(store: Store):
    rules = world.ruleset()
    world.put(store, rules, world.world(), NOW)
    first = run_pass(store, rules, NOW, day=FIRST)
    before = rows(store, decisions.c.id, decisions.c.pass_id), rows(store, deliveries.c.decision_id)
    again = run_pass(store, rules, NOW, day=FIRST)
    assert first.total("offered") > 0
    assert again.total("due") == 0
    assert (rows(store, decisions.c.id, decisions.c.pass_id), rows(store, deliveries.c.decision_id)) == before
    assert_conserved(store)


def test_a_rule_published_later_does_not_reopen_what_is_decided(store: Store):
    rules = world.ruleset()
    world.put(store, rules, world.world(), NOW)
    early = world.without(rules, "backup_for_rich", "renew")
    for day in DAYS[:5]:
        run_pass(store, early, NOW, day=day)
    for day in DAYS[:5]:
        run_pass(store, rules, NOW, day=day)
    decided = {name for (name,) in rows(store, decisions.c.rule)}
    assert "backup_for_rich" not in decided  # its moments were done
    assert "renew" in decided  # nobody had listened to that moment
    assert_conserved(store)


def test_an_offset_that_changes_does_not_repeat_the_occurrence(store: Store):
    rules = world.ruleset("rule renew on 7 days before renewal offer premium")
    later = world.ruleset("rule renew on 3 days before renewal offer premium")
    world.put(store, rules, world.world(), NOW)
    for day in DAYS:
        run_pass(store, rules, NOW, day=day)
        run_pass(store, later, NOW, day=day)
    keys = rows(store, decisions.c.subject, decisions.c.occurrence)
    assert len(keys) == len(set(keys)) > 20
    assert_conserved(store)


def test_two_passes_at_once_are_one(store: Store, database_url: str):
    rules = world.ruleset()
    world.put(store, rules, world.world(60), NOW)
    reports: list[PassReport] = []

    def work() -> None:
        mine = open_store(database_url)
        reports.append(run_pass(mine, rules, NOW, day=FIRST))
        mine.close()

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    together = sum(report.total("due") for report in reports)
    assert len(reports) == 2
    with store.read() as connection:
        assert together == connection.scalar(sa.select(sa.func.sum(counters.c.due)))
    assert_conserved(store)


def test_who_was_forgotten_and_comes_back_is_not_met_twice(store: Store):
    rules, made = world.ruleset(), world.world()
    world.put(store, rules, made, NOW)
    run_pass(store, rules, NOW, day=FIRST)
    (name, count) = Counter(each[0] for each in rows(store, decisions.c.customer_id)).most_common(1)[0]
    with store.write() as connection:
        forget(connection, name)
        connection.execute(batches.delete())
    assert name not in {each[0] for each in rows(store, decisions.c.customer_id)}
    world.put(store, rules, made, NOW)
    run_pass(store, rules, NOW, day=FIRST)
    assert name not in {each[0] for each in rows(store, decisions.c.customer_id)}
    assert count > 0


def test_a_failure_in_the_middle_leaves_whole_batches(store: Store, monkeypatch: pytest.MonkeyPatch):
    rules = world.ruleset()
    world.put(store, rules, world.world(), NOW)
    write, calls = ledger.write, []

    def fails_once(*arguments):
        write(*arguments)
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the power went")

    monkeypatch.setattr(ledger, "write", fails_once)
    with pytest.raises(RuntimeError):
        run_pass(store, rules, NOW, day=FIRST)
    assert_conserved(store)
    run_pass(store, rules, NOW, day=FIRST)
    expected = expected_day(world.world(), rules.rules, FIRST, set())
    found = rows(store, *(decisions.c[name] for name in ("rule", "subject", "occurrence", "result")))
    assert set(found) == expected


# --- whose day is it -------------------------------------------------------------------------------------------------


def test_the_day_of_a_zone_turns_at_its_sending_hour():
    nine = dt.time(9)
    at = dt.datetime(2026, 2, 20, 0, 0, tzinfo=dt.UTC)  # 09:00 in Tokyo, 16:00 the day before in Los Angeles
    assert due_day(at, nine, "Asia/Tokyo") == dt.date(2026, 2, 20)
    assert due_day(at - dt.timedelta(seconds=1), nine, "Asia/Tokyo") == dt.date(2026, 2, 19)
    assert due_day(at, nine, "America/Los_Angeles") == dt.date(2026, 2, 19)


def test_an_hourly_scheduler_decides_each_day_once_in_every_zone(store: Store):
    rules, made = world.ruleset(), world.world(60)
    world.put(store, rules, made, NOW)
    hours = [NOW + dt.timedelta(hours=3 * n) for n in range(8 * 4)]
    for hour in hours:
        run_pass(store, rules, hour)
    ticked = rows(store, decisions.c.rule, decisions.c.subject, decisions.c.occurrence)
    days = {day for (day,) in rows(store, batches.c.local_date)}
    expected: set[tuple] = set()
    for day in sorted(days):
        expected |= expected_day(made, rules.rules, day, {each[:3] for each in expected})
    partly = {min(days), max(days)}  # the first and the last day are not due in every zone
    whole = {each[:3] for each in expected if each[:3] in set(ticked)}
    missing = {each[:3] for each in expected} - whole
    assert set(ticked) == whole
    for identity in missing:
        assert any(identity in {e[:3] for e in expected_day(made, rules.rules, day, set())} for day in partly)


# --- events, tags, deliveries ----------------------------------------------------------------------------------------


def visit(number: int, customer: str, ago: dt.timedelta, **properties) -> Event:
    return Event(f"e{number}", "website_visit", customer, NOW - ago, properties)


def test_fresh_events_are_decided_once_and_old_ones_are_history(store: Store):
    rules = world.ruleset()
    made = world.World([{"customer.id": "c1"}, {"customer.id": "c2"}], [])
    world.put(store, rules, made, NOW)
    told = [
        visit(1, "c1", dt.timedelta(hours=1), page="/pricing/eu", seconds=11.0),
        visit(2, "c1", dt.timedelta(hours=2), page="/pricing/eu", seconds=10.0),
        visit(3, "c2", dt.timedelta(days=2), page="/pricing", seconds=99.0),
        visit(4, "c2", dt.timedelta(hours=3), page="/pricing"),
    ]
    with store.write() as connection:
        put_events(connection, rules.catalog, told, NOW)
    report = run_pass(store, rules, NOW)
    assert run_pass(store, rules, NOW).total("due") == 0
    assert rows(store, decisions.c.subject, decisions.c.occurrence) == [("c1", "website_visit:api:e1")]
    assert report.rules["curious"] == {"due": 3, "not_matched": 2, "offered": 1, "held": 0, "held_out": 0, "missed": 0}
    assert rows(store, events.c.id, events.c.state) == [
        ("e1", "decided"),
        ("e2", "decided"),
        ("e3", "history"),
        ("e4", "decided"),
    ]
    assert_conserved(store)


def test_a_tag_is_a_new_version_of_its_customer(store: Store):
    rules = world.ruleset("rule tag_it on birthday tag german")
    made = world.World([{"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28)}], [])
    world.put(store, rules, made, NOW)
    run_pass(store, rules, NOW + dt.timedelta(hours=1), day=FIRST)
    with store.read() as connection:
        assert connection.scalar(sa.select(customers.c.tags)) == ["german"]
        assert connection.scalar(sa.select(customers_history.c.tags)) == []
    assert rows(store, deliveries.c.id) == []


def test_a_tag_undoes_nothing_that_is_told_of_its_customer_meanwhile(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """Somebody moves the customer after the pass read it and before it writes the tag."""
    rules = world.ruleset("rule tag_it on birthday tag german")
    person = {"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28), "customer.timezone": "Asia/Tokyo"}
    world.put(store, rules, world.World([person], []), NOW)
    moving: list[Thread] = []

    def move() -> None:
        mine = open_store(database_url)
        world.put(mine, rules, world.World([person | {"customer.timezone": "Europe/Berlin"}], []), NOW)
        mine.close()

    def read_then_move(*arguments):
        found = customer_states(*arguments)
        moving.append(Thread(target=move))
        moving[0].start()
        moving[0].join(0.3)
        return found

    monkeypatch.setattr(ledger, "customer_states", read_then_move)
    run_pass(store, rules, NOW, day=FIRST)
    moving[0].join()
    assert rows(store, customers.c.zone) == [("Europe/Berlin",)]


def test_each_winner_is_delivered_once_on_each_open_channel(store: Store):
    rules = world.ruleset()
    made = world.World(
        [
            {"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28), "customer.marketing_ok": True},
            {"customer.id": "c2", "customer.date_of_birth": dt.date(1990, 2, 28), "customer.first_name": "Ada"},
        ],
        [],
    )
    world.put(store, rules, made, NOW)
    run_pass(store, rules, NOW, day=FIRST)
    late = NOW + dt.timedelta(days=1)
    assert deliver(store, rules, late) == {"sent": 3}
    assert deliver(store, rules, late) == {}
    with store.read() as connection:
        sent = connection.execute(sa.select(deliveries).order_by(deliveries.c.customer_id, deliveries.c.channel)).all()
    assert [(each.customer_id, each.channel) for each in sent] == [("c1", "email"), ("c1", "in_app"), ("c2", "in_app")]
    told = ["Happy birthday, !", "Happy birthday, !", "Happy birthday, Ada!"]
    assert [each.content["shown"]["body"] for each in sent] == told


def test_a_delivery_whose_customer_was_erased_is_withheld(store: Store):
    rules = world.ruleset()
    made = world.World([{"customer.id": "c1", "customer.date_of_birth": dt.date(1990, 2, 28)}], [])
    world.put(store, rules, made, NOW)
    run_pass(store, rules, NOW, day=FIRST)
    with store.write() as connection:
        forget(connection, "c1")
    assert deliver(store, rules, NOW + dt.timedelta(days=1)) == {}
    assert [state for (state,) in rows(store, deliveries.c.state)] == ["withheld"]
