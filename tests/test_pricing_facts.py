"""What prices ask of the store: segments of price lists and usage of meters, for a batch, an event and a message."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Owner
from dsl.datatypes import Value
from dsl.service import check
from dsl.typed import Ruleset
from engine.deliveries.outbox import deliver
from engine.event_path import decide_event, would_decide
from engine.moments.billing import billing_moment, period_start
from engine.moments.calendar import BILLING_MONTHS
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.passes import run_pass
from engine.plans import plans_of
from engine.pricing.price_facts import Priced
from engine.pricing.usage import usage
from engine.simulation.preview import preview
from engine.simulation.rule_tests import run_test
from engine.store.events import Event, put_events
from engine.store.inserts import insert_values
from engine.store.session import Store, open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import deliveries, offers, readings
from tests.conftest import make_tables
from tests.world import ruleset

CATALOG = """\
currency: USD
timezone: UTC
default_via: [in_app]
customer: {country: {type: enum, values: [US, GB]}}
subscription:
  plan: {type: plan}
  status: {type: enum, values: [active]}
  started_on: {type: date}
  billing_interval: {type: enum, values: [month, year]}
meters:
  calls: {unit: calls, kind: counter, resets: billing_period}
  storage: {unit: GB, kind: gauge}
moments:
  bill: {recurs: billing_interval, from: started_on}
  visit: {event: true, properties: {page: text}}
plans:
  basic: {rank: 1, price: {month: 10 USD}}
  metered:
    rank: 2
    price: {month: {per: calls, graduated: [{up_to: 100, flat: 20 USD}, {each: 0.10 USD}]}}
  roomy: {rank: 2, price: {month: {per: storage, package: 3 USD, of: 10}}}
price_lists:
  regulars:
    for: {segment: regulars}
    currency: USD
    prices: {metered: {month: {per: calls, volume: [{up_to: 100, each: 0.20 USD}, {each: 0.05 USD}]}}}
channels: [in_app]
"""
RULES = """
segment regulars: count of visit in last 30 days >= 3
rule more on visit offer metered at 10% off for 3 months
"""
RULESET = ruleset(RULES, CATALOG)
UTC = dt.UTC
NOW = dt.datetime(2026, 3, 15, 12, tzinfo=UTC)
START = dt.date(2025, 1, 31)


def subscriber(number: int, plan: str = "basic", **more: Value) -> tuple[dict[str, Value], dict[str, Value]]:
    held: dict[str, Value] = {
        "customer.id": f"c{number}",
        "subscription.id": f"s{number}",
        "subscription.plan": plan,
        "subscription.status": "active",
        "subscription.started_on": START,
        "subscription.billing_interval": "month",
    }
    return {"customer.id": f"c{number}"}, {**held, **more}


def fill(store: Store, rules: Ruleset, people: Sequence[tuple[dict[str, Value], dict[str, Value]]]) -> None:
    with store.write() as connection:
        put_customers(connection, rules.catalog, [customer for customer, _ in people], NOW)
        put_subscriptions(connection, rules.catalog, [held for _, held in people], NOW)


def read(store: Store, *told: tuple[int, str, str, float]) -> None:
    """Readings of subscriptions by number: meter, when, how much."""
    rows = [
        {
            "subscription_id": f"s{number}",
            "meter": meter,
            "read_at": dt.datetime.fromisoformat(at).replace(tzinfo=UTC),
            "used": used,
            "recorded_at": NOW,
        }
        for number, meter, at, used in told
    ]
    with store.write() as connection:
        insert_values(connection, readings, rows)


# --- how much a bill is taken to count -------------------------------------------------------------------------------

# Bills on the last day of each month: the running period began on 28 February, the one before on 31 January.
CALLS = [
    ("the last full period, where it was more", [("2026-02-27 10:00", 900.0), ("2026-03-10 10:00", 400.0)], 900.0),
    ("the running one, where it is more already", [("2026-02-27 10:00", 900.0), ("2026-03-10 10:00", 950.5)], 950.5),
    ("the running one alone", [("2026-03-10 10:00", 7.0)], 7.0),
    ("the last one alone", [("2026-01-31 00:00", 5.0)], 5.0),
    ("its last reading", [("2026-02-01 10:00", 3.0), ("2026-02-20 10:00", 800.0)], 800.0),
    ("its last moment", [("2026-02-27 23:59:59.999999", 77.0)], 77.0),
    ("the first moment of the running one", [("2026-02-20 10:00", 4.0), ("2026-02-28 00:00", 9.0)], 9.0),
    ("nothing was used", [("2026-02-27 10:00", 0.0)], 0.0),
    ("what is read at the very instant", [("2026-03-15 12:00", 12.0)], 12.0),
    ("not what is read later", [("2026-03-15 12:00:00.000001", 12.0)], None),
    ("not what is older", [("2026-01-30 23:59", 12.0)], None),
    ("unknown where it was never read", [], None),
]


def test_a_counter_counts_a_whole_period(store: Store):
    fill(store, RULESET, [subscriber(number) for number in range(len(CALLS))])
    read(store, *((number, "calls", at, used) for number, (_, told, _) in enumerate(CALLS) for at, used in told))
    rows = [dict(subscriber(number)[1]) for number in range(len(CALLS))]
    with store.read() as connection:
        asking = [Priced(f"c{n}", f"s{n}", "UTC", NOW, NOW.date(), row) for n, row in enumerate(rows)]
        plans_of(RULESET).price_facts.put(connection, asking)
    found = {why: row.get("usage.calls") for (why, _, _), row in zip(CALLS, rows, strict=True)}
    assert found == {why: taken for why, _, taken in CALLS}


def test_a_gauge_counts_what_it_reads(store: Store):
    fill(store, RULESET, [subscriber(0), subscriber(1)])
    read(store, (0, "storage", "2024-01-01 00:00", 80.0), (0, "storage", "2026-03-15 12:00", 30.0))
    read(store, (0, "storage", "2026-03-16 12:00", 99.0))
    rows: list[dict[str, Value]] = [{}, {}]
    with store.read() as connection:
        asking = [Priced(f"c{n}", f"s{n}", "UTC", NOW, NOW.date(), row) for n, row in enumerate(rows)]
        plans_of(RULESET).price_facts.put(connection, asking)
    assert [row.get("usage.storage") for row in rows] == [30.0, None]


def test_usage_is_what_plain_loops_find(store: Store):
    """Anchors at the ends of months, zones on both sides of midnight, readings on the edges of periods."""
    rng = random.Random(5)
    zones = ("UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati")
    anchors = (None, START, dt.date(2024, 2, 29), dt.date(2026, 3, 15), dt.date(2026, 3, 16), dt.date(2027, 1, 30))
    met, held, told = [], [], dict[tuple[int, dt.datetime], float]()
    for number in range(80):
        at = NOW + dt.timedelta(hours=rng.randrange(-40, 40))
        row = {"subscription.started_on": rng.choice(anchors)}
        row["subscription.billing_interval"] = rng.choice((None, "month", "year"))
        held.append(row)
        met.append(Occurrence("visit", 0, Owner.CUSTOMER, f"c{number}", f"s{number}", "k", rng.choice(zones), at))
        for _ in range(rng.randrange(5)):
            edge = dt.datetime.combine(rng.choice([*EDGES, at.date()]), dt.time(), ZoneInfo(met[-1].zone))
            told[number, (edge + rng.choice(NEAR)).astimezone(UTC)] = float(rng.randrange(100))
    fill(store, RULESET, [subscriber(number) for number in range(80)])
    read(store, *((n, "calls", at.replace(tzinfo=None).isoformat(), used) for (n, at), used in told.items()))
    names = ("subscription.started_on", "subscription.billing_interval")
    columns = pa.table({name: [row[name] for row in held] for name in names})
    with store.read() as connection:
        found = usage(connection, RULESET.catalog, beside(key_columns(met), columns), ["calls"])["calls"]
    expected = [by_loops(one, row, told, n) for n, (one, row) in enumerate(zip(met, held, strict=True))]
    assert found == expected
    assert 20 < sum(one is not None for one in found) < 70


EDGES = (dt.date(2026, 3, 1), dt.date(2026, 2, 28), dt.date(2026, 3, 15), dt.date(2026, 3, 16), dt.date(2025, 2, 28))
NEAR = (dt.timedelta(0), -dt.timedelta(microseconds=1), dt.timedelta(hours=5), -dt.timedelta(days=20))


def by_loops(
    met: Occurrence, row: dict[str, object], told: dict[tuple[int, dt.datetime], float], number: int
) -> float | None:
    zone = ZoneInfo(met.zone)
    months = BILLING_MONTHS.get(str(row["subscription.billing_interval"]))
    anchor = row["subscription.started_on"]

    def period(day: dt.date) -> dt.date:
        if months is None or not isinstance(anchor, dt.date):
            return day.replace(day=1)
        moment = billing_moment(RULESET.catalog)
        assert moment is not None
        return period_start(anchor, months, moment.leap_day, day)

    running = period(met.due_at.astimezone(zone).date())
    periods: dict[dt.date, tuple[dt.datetime, float]] = {}
    for (whose, at), used in sorted(told.items()):
        if whose == number and at <= met.due_at:
            periods[period(at.astimezone(zone).date())] = at, used
    wanted = (running, period(running - dt.timedelta(days=1)))
    return max((periods[one][1] for one in wanted if one in periods), default=None)


# --- what is offered -------------------------------------------------------------------------------------------------

PEOPLE = 8
VISITS = [5, 2, 4, 1, 3, 6, 1, 3]  # of each within 30 days, the one that is met among them
USED = [250.0, 250.0, 40.0, 40.0, 0.0, 100.0, None, 130.5]
# metered less 10 %: 20 dollars and 10 cents for each call from 101 on; regulars 20 cents each until 100, else 5 cents
PRICES = [1125, 3150, 720, 1800, 0, 1800, None, 587]


def meet(store: Store) -> None:
    fill(store, RULESET, [subscriber(number) for number in range(PEOPLE)])
    read(store, *((n, "calls", "2026-02-20 08:00", used) for n, used in enumerate(USED) if used is not None))
    told = [
        Event(f"{n}/{nth}", "visit", f"c{n}", NOW - dt.timedelta(days=nth), {}, None)
        for n, count in enumerate(VISITS)
        for nth in range(count)
    ]
    with store.write() as connection:
        put_events(connection, RULESET.catalog, told, NOW, catch_up={"visit": dt.timedelta(hours=1)})


def made(store: Store) -> dict[str, tuple[int | None, str]]:
    with store.read() as connection:
        found = connection.execute(sa.select(offers)).all()
    return {row.customer_id: (row.price, json.dumps([row.quote, row.basis], sort_keys=True)) for row in found}


def test_offers_have_the_prices_of_segment_and_usage(store: Store):
    meet(store)
    run_pass(store, RULESET, NOW)
    found = made(store)
    assert [found[f"c{n}"][0] if f"c{n}" in found else None for n in range(PEOPLE)] == PRICES


def test_an_event_has_the_quote_of_the_batch(store: Store, tmp_path: Path):
    file = tmp_path / "single" / "carpe.db"
    make_tables(file)
    single = open_store(f"sqlite:///{file}")
    for each in (store, single):
        meet(each)
    asked = [would_decide(single, RULESET, "visit", f"c{n}", NOW) for n in range(PEOPLE)]
    told = [decide_event(single, RULESET, "api", f"{n}/0", NOW) for n in range(PEOPLE)]
    run_pass(store, RULESET, NOW)
    assert made(single) == made(store)
    for lines in (asked, told):
        assert [line.price for (line,) in lines] == PRICES
    single.close()


def test_the_message_says_what_was_promised_whatever_is_read_later(store: Store):
    meet(store)
    run_pass(store, RULESET, NOW)
    read(store, *((n, "calls", "2026-03-15 12:30", 9000.0) for n in range(PEOPLE)))
    deliver(store, RULESET, NOW + dt.timedelta(hours=1))
    with store.read() as connection:
        sent = {row.customer_id: row for row in connection.execute(sa.select(deliveries))}
    for number, price in enumerate(PRICES):
        if price is not None:
            row = sent[f"c{number}"]
            assert row.state == "sent", row.reason
            assert f"Metered at {price / 100:.2f} USD" in row.content["body"]


def test_a_preview_shows_the_same_prices(store: Store):
    meet(store)
    found = preview(store, RULESET, RULESET.rules[0], NOW.date(), NOW)
    assert dict(found.outcomes) == {"offered": 7, "held: what its price counts is not known": 1}
    told = {one.customer_id: one.body for one in found.samples}
    assert all(f"{price / 100:.2f} USD" in str(told[f"c{n}"]) for n, price in enumerate(PRICES) if price is not None)


def test_a_rule_test_gives_usage_and_is_in_segments():
    def ran(given: str) -> str:
        text = f'{RULES}\ntest "t" given {given} on visit expect offer metered'
        checked = check({"catalog.yaml": CATALOG, "a.rules": text})
        assert checked.ruleset is not None
        return run_test(checked.ruleset, checked.tests[0]).came

    assert "metered" in ran("plan = basic, usage of calls = 40")
    assert "calls is not known" in ran("plan = basic")
