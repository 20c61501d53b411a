"""What happened before, asked of the store: every form says what the reference says of a history made by plain loops.

Events lie on the edges of windows (and a microsecond beside them), on local midnights around clock changes, in zones
that skip a midnight, repeat one, or go back over it, and at the ends of months.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dsl.catalog import Catalog, Meter, Moment, MomentKind, Owner, Product
from dsl.choices import HistoryVerb, TimeUnit
from dsl.datatypes import DataType, Kind, Money, Unit, Value
from dsl.operators import months_from
from dsl.typed import (
    All,
    Amount,
    AnyOf,
    Arithmetic,
    Attribute,
    Condition,
    Constant,
    CountOf,
    DecidedCount,
    Elapsed,
    Events,
    LastOf,
    Not,
    QuotaOf,
    Relation,
    SinceLast,
    SumOf,
    Term,
    UsageOf,
    Window,
    kind,
)
from dsl.typed import Test as Asked
from engine.happenings import packed
from engine.happenings.history import with_history
from engine.happenings.packed import dialect_of
from engine.matching.history import Decided, Happened, History
from engine.matching.interpreter import holds
from engine.matching.keys import key_of
from engine.matching.plan import FEW_ROWS, compile_plan
from engine.matching.reads import historic
from engine.matching.rows import full_rows
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.store.events import Event, put_events
from engine.store.inserts import insert_values
from engine.store.rows import table_of
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import decisions, offers, readings
from tests.strategies import rule

PROPERTIES = {
    "page": DataType(Kind.TEXT),
    "seconds": DataType(Kind.NUMBER),
    "amount": DataType(Kind.MONEY),
    "level": DataType(Kind.COUNT),
}
MOMENTS = {
    "visit": Moment("visit", MomentKind.EVENT, Owner.CUSTOMER, properties=PROPERTIES),
    "failed": Moment("failed", MomentKind.EVENT, Owner.SUBSCRIPTION, properties=PROPERTIES),
}
QUOTA = {"basic": 100.0, "premium": 2000.0}
CATALOG = Catalog(
    "USD",
    "UTC",
    meters={
        "storage": Meter("storage", "GB", "gauge", None, "plan"),
        "calls": Meter("calls", "calls", "counter", "billing_period", "plan"),
    },
    moments=MOMENTS,
    plans={name: Product(name, name, quota={"storage": Decimal(int(most))}) for name, most in QUOTA.items()},
    addons={"more": Product("more", "More", adds={"storage": Decimal(500)}), "backup": Product("backup", "Backup")},
)
PAGE, SECONDS, AMOUNT, LEVEL = (Attribute(Owner.EVENT, name, type_) for name, type_ in PROPERTIES.items())
SEATS = Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))
MRR = Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
NUMBER = DataType(Kind.NUMBER)

NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
ZONES = (
    "UTC",
    "America/New_York",
    "Asia/Tokyo",
    "America/St_Johns",  # went back from 00:01 to 23:01 on 29 October 2006
    "America/Sao_Paulo",  # skipped midnight on 4 November 2018
    "Atlantic/Azores",  # repeats midnight on 25 October 2026
    "Pacific/Apia",  # had no 30 December 2011
)
# Seen from these, the last month begins with the days that the comments of ZONES tell of.
DAYS = (dt.date(2006, 11, 28), dt.date(2018, 12, 3), dt.date(2026, 3, 31), dt.date(2026, 11, 24), dt.date(2012, 1, 29))
WINDOWS: tuple[Window | None, ...] = (
    None,
    *(Window(count, TimeUnit.HOURS) for count in (1, 36)),
    *(Window(count, TimeUnit.DAYS) for count in (1, 30, 10**8)),
    Window(2, TimeUnit.WEEKS),
    *(Window(count, TimeUnit.MONTHS) for count in (1, 2)),
    *(Window(count, TimeUnit.YEARS) for count in (1, 5000)),
)
ROWS = 70


@dataclass(frozen=True)
class World:
    """Customers with one or two subscriptions, or none, and everything that happened, as plain lists."""

    day: dt.date
    occurrences: list[Occurrence]
    rows: list[dict[str, Value]]
    events: list[Event]
    offers: list[tuple[str, str, str, dt.datetime]]  # customer, result, product, when
    used: list[tuple[str, str, dt.datetime, float]]  # subscription, meter, when, how much

    def history(self, row: int) -> History:
        """By plain loops over everything."""
        met = self.occurrences[row]
        mine = [
            Happened(one.moment, one.occurred_at, one.properties)
            for one in self.events
            if one.customer_id == met.customer and (one.moment == "visit" or one.subscription_id == met.subscription)
        ]
        offers = [
            Decided(HistoryVerb.ACCEPTED if result == "accepted" else HistoryVerb.OFFERED, product, at)
            for customer, result, product, at in self.offers
            if customer == met.customer and result in ("offered", "accepted") and at < met.due_at
        ]
        mine_used = [one for one in self.used if one[0] == met.subscription and one[2] <= met.due_at]
        usage = {meter: much for _, meter, _, much in sorted(mine_used, key=lambda one: one[2])}
        quota = {}
        if (plan := self.rows[row].get("subscription.plan")) is not None:
            quota["storage"] = QUOTA[str(plan)] + 500 * ("more" in self.rows[row]["subscription.addons"])
        return History(met.due_at, ZoneInfo(met.zone), mine, offers, usage, quota)


def edges(at: dt.datetime, zone: str) -> Iterator[dt.datetime]:
    """Instants at which windows begin and end, as seen from `at`."""
    for back in (0, 1 / 24, 1, 1.5, 14, 30):
        yield at - dt.timedelta(days=back)
    local = at.astimezone(ZoneInfo(zone)).date()
    for back in (27, 28, 29, 30, 31, 32, 58, 59, 60, 61, 62, 364, 365, 366):
        for fold in (0, 1):
            midnight = dt.datetime.combine(local - dt.timedelta(back), dt.time(), ZoneInfo(zone))
            yield from (midnight.replace(fold=fold).astimezone(dt.UTC) + dt.timedelta(minutes=m) for m in (0, 0, 30))


def happened_at(rng: random.Random, at: dt.datetime, zone: str) -> dt.datetime:
    if rng.random() < 0.2:
        return at - dt.timedelta(microseconds=rng.randrange(400 * 24 * 3600 * 10**6))
    return rng.choice([*edges(at, zone)]).astimezone(dt.UTC) + rng.choice((-TICK, dt.timedelta(0), TICK))


def made_properties(rng: random.Random) -> dict[str, Value]:
    drawn = {
        "page": rng.choice(("/a", "/b", 'ü "\n\x1e\u2028')),
        "seconds": rng.choice((0.1, 0.2, 0.3, 1e308, 40.0)),
        "amount": Money(rng.choice((1, 999, 1000, 10**18)), rng.choice(("USD", "EUR", "JPY", "KWD"))),
        "level": rng.choice((0, 1, 7)),
    }
    return {name: value for name, value in drawn.items() if rng.random() < 0.8}


@lru_cache
def world(day: dt.date) -> World:
    rng = random.Random(day.toordinal())
    made = World(day, [], [], [], [], [])
    while len(made.rows) < ROWS:
        customer, zone = f"c{len(made.rows):03}", rng.choice(ZONES)
        at = dt.datetime.combine(day, dt.time(rng.choice((0, 9))), ZoneInfo(zone)).astimezone(dt.UTC)
        at += rng.choice((0, 1)) * dt.timedelta(microseconds=rng.randrange(10**9))
        held = [f"{customer}-{number}" for number in range(rng.choice((0, 1, 1, 2)))]
        for which in held or [None]:
            made.occurrences.append(Occurrence("m", 0, Owner.CUSTOMER, customer, which, "m:1", zone, at))
            drawn: dict[str, Value | None] = {"customer.id": customer, "customer.timezone": zone}
            if which is not None:
                drawn |= {
                    "subscription.id": which,
                    "subscription.plan": rng.choice(("basic", "premium", None)),
                    "subscription.addons": frozenset(rng.sample(("more", "backup"), rng.randrange(3))),
                    "subscription.currency": rng.choice(("USD", "EUR", "JPY")),
                    "subscription.seats": rng.choice((None, 0, 1, 3)),
                    "subscription.mrr": rng.choice((None, Money(1000, "USD"), Money(5, "EUR"))),
                }
            made.rows.append({key: value for key, value in drawn.items() if value is not None})
        for number in range(rng.randrange(14)):
            moment = rng.choice(("visit", "failed") if held else ("visit",))
            which = rng.choice(held) if moment == "failed" else None
            when, told = happened_at(rng, at, zone), made_properties(rng)
            made.events.append(Event(f"{customer}/{number}", moment, customer, when, told, which))
            made.offers.append(
                (
                    customer,
                    rng.choice(("offered", "held", "accepted")),
                    rng.choice(("basic", "more")),
                    happened_at(rng, at, zone),
                )
            )
        if held:
            read = {happened_at(rng, at, zone) for _ in "abc"}
            made.used.extend((held[0], "storage", when, 40.0 * number) for number, when in enumerate(sorted(read)))
    return made


# --- conditions ------------------------------------------------------------------------------------------------------

OPERANDS: dict[Kind, tuple[Any, ...]] = {
    Kind.COUNT: (0, 1, 2, 3),
    Kind.NUMBER: (0.0, 0.6, 1.0, 40.0, 100.0, 500, 2**53 + 1, sys.float_info.max),
    Kind.MONEY: tuple(map(Decimal, ("0", "0.01", "9.99", "10", "1000", "1e16", "2e18", "1e19", "3e30"))),
    Kind.DATE: tuple(day - dt.timedelta(days) for day in DAYS for days in (0, 1, 28, 30, 31)),
    Kind.ELAPSED: (0, 1, 2, 14, 14 * 24 * 3600 * 10**6, 30 * 24 * 3600 * 10**6),
}
COMPARE = ("equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal", "in", "between", "not_between")


def made_where(rng: random.Random) -> Condition:
    return rng.choice(
        (
            All(()),
            All(()),
            Asked("equal", PAGE, ("/a",)),
            Not(Asked("equal", PAGE, ("/a",))),
            Asked("greater", Amount(AMOUNT, None), (Decimal(5),)),
            AnyOf((Asked("is_missing", LEVEL, ()), Asked("greater", SECONDS, (0.2,)))),
            Not(Relation("less", SECONDS, Arithmetic("*", LEVEL, Constant(2), DataType(Kind.COUNT)))),
        )
    )


def made_term(rng: random.Random) -> Term:
    events = Events(rng.choice(("visit", "failed")), made_where(rng), rng.choice(WINDOWS))
    plain: tuple[Term, ...] = (
        CountOf(events),
        SumOf(SECONDS, events),
        SumOf(LEVEL, events),
        SumOf(AMOUNT, events, rng.choice((None, "USD", "JPY"))),
        LastOf(events),
        Elapsed(LastOf(events), rng.choice((Unit.DAYS, Unit.MONTHS))),
        SinceLast(events),
        UsageOf(rng.choice(("storage", "calls"))),
        QuotaOf(rng.choice(("storage", "calls"))),
        DecidedCount(rng.choice(list(HistoryVerb)), rng.choice(("basic", None)), rng.choice(WINDOWS)),
    )
    return rng.choice(
        (
            *plain,
            Arithmetic("/", CountOf(events), SEATS, NUMBER),
            Arithmetic("*", SumOf(AMOUNT, events), Constant(12), DataType(Kind.MONEY)),
        )
    )


def made_test(rng: random.Random) -> Condition:
    if rng.random() < 0.15:
        share = Arithmetic("*", Constant(0.8), QuotaOf("storage"), NUMBER)
        left = Amount(MRR, rng.choice((None, "USD")))
        return rng.choice(
            (
                Relation("greater_or_equal", UsageOf("storage"), share),
                Relation("less", left, SumOf(AMOUNT, Events("visit", made_where(rng), rng.choice(WINDOWS)))),
            )
        )
    term = made_term(rng)
    operator = rng.choice((*COMPARE, "is_known", "is_missing"))
    count = {"between": 2, "not_between": 2, "is_known": 0, "is_missing": 0}.get(operator, 1)
    pool = OPERANDS[Kind.MONEY if isinstance(term, SumOf) and term.property == AMOUNT else kind(term)]
    return Asked(operator, term, tuple(rng.choice(pool) for _ in range(count)))


def made_conditions(day: dt.date, count: int) -> list[Condition]:
    rng = random.Random(day.toordinal() + 1)

    def tree(depth: int) -> Condition:
        if depth == 0 or rng.random() < 0.5:
            test = made_test(rng)
            return Not(test) if rng.random() < 0.2 else test
        items = tuple(tree(depth - 1) for _ in range(rng.choice((1, 2, 2, 3))))
        return rng.choice((All(items), AnyOf(items), Not(All(items))))

    return [tree(2) for _ in range(count)]


@lru_cache
def expected(day: dt.date, count: int) -> list[list[int]]:
    """By row, the conditions that hold, by the reference."""
    made, some = world(day), made_conditions(day, count)
    found = []
    for number, row in enumerate(made.rows):
        past = made.history(number)
        found.append([n for n, each in enumerate(some) if holds(each, row, day, past) is True])
    return found


# --- the store -------------------------------------------------------------------------------------------------------


def fill(store: Store, made: World) -> None:
    people = {str(row["customer.id"]): {"customer.id": row["customer.id"]} for row in made.rows}
    held = [
        {key: row[key] for key in ("customer.id", "subscription.id", "subscription.currency", "subscription.addons")}
        for row in made.rows
        if "subscription.id" in row
    ]
    with store.write() as connection:
        put_customers(connection, CATALOG, people.values(), NOW)
        put_subscriptions(connection, CATALOG, held, NOW)
        recorded = put_events(connection, CATALOG, made.events, NOW)
        assert (recorded.new, recorded.refusals) == (len(made.events), ())
        numbered = list(enumerate(made.offers))
        insert_values(connection, decisions, [decision(number, *one) for number, one in numbered])
        taken = [accepted(number, *one) for number, one in numbered if one[1] == "accepted"]
        insert_values(connection, offers, taken)
        names = ("subscription_id", "meter", "read_at", "used", "recorded_at")
        insert_values(connection, readings, [dict(zip(names, (*one, NOW), strict=True)) for one in made.used])


def accepted(number: int, customer: str, result: str, product: str, at: dt.datetime) -> dict[str, Any]:
    """The offer of a decision: made long before, accepted at `at`."""
    whose = {"id": f"{number:032}", "rule": "r", "product": product, "customer_id": customer, "segment": ""}
    promised: dict[str, Any] = {"discount": 0, "quote": {}, "basis": {}}
    return {**whose, **promised, "made_at": at - dt.timedelta(days=9), "state": result, "state_at": at}


def decision(number: int, customer: str, result: str, product: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "id": f"{number:032}",
        "rule": "r",
        "moment": "m",
        "offset": 0,
        "subject": customer,
        "occurrence": f"m:{number}",
        "customer_id": customer,
        "result": "held" if result == "accepted" else result,
        "offer": product,
        "channels": [],
        "local_date": at.date(),
        "due_at": at,
        "decided_at": NOW,
        "ruleset": "",
    }


CONDITIONS = 35


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_batches_and_rows_say_what_the_reference_says(store: Store, day: dt.date) -> None:
    made, some = world(day), made_conditions(day, CONDITIONS)
    fill(store, made)
    plan = compile_plan([rule(condition) for condition in some])
    asking = beside(key_columns(made.occurrences), table_of(made.rows, plan.attributes))
    assert asking.num_rows > FEW_ROWS
    with store.read() as connection:
        table = with_history(connection, CATALOG, asking, plan.terms, day)
        few = with_history(connection, CATALOG, asking.slice(3, 5), plan.terms, day)
    matches = plan.match_batch(table, day)
    pairs = list(zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True))
    assert pairs == [(row, n) for row, found in enumerate(expected(day, CONDITIONS)) for n in found]
    rows = full_rows(table, plan.attributes, plan.terms)
    assert [plan.match_row(row, day) for row in rows] == expected(day, CONDITIONS)
    assert few == table.slice(3, 5)
    truths = [[n for n, each in enumerate(some) if holds(each, row, day) is True] for row in rows[:9]]
    assert truths == expected(day, CONDITIONS)[:9], "the interpreter reads the same from the columns"


def test_a_term_alone_is_what_it_is_among_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What terms share (a statement, the longest window, masks) and how a batch is cut change nothing."""
    day = DAYS[2]
    made = world(day)
    fill(store, made)
    plan = compile_plan([rule(condition) for condition in made_conditions(day, 4 * CONDITIONS)])
    ever = [term(Events(name, All(()))) for name in MOMENTS for term in (LastOf, SinceLast)]
    some = [
        LastOf(Events("visit", Asked("equal", PAGE, ("/a",)))),
        SinceLast(Events("failed", Not(Asked("equal", PAGE, ("/a",))))),
    ]
    terms = list(dict.fromkeys([*plan.terms, *ever, *some]))
    asking = beside(key_columns(made.occurrences), table_of(made.rows, plan.attributes))
    with store.read() as connection:
        together = with_history(connection, CATALOG, asking, terms, day)
        last_ever = with_history(connection, CATALOG, asking, ever, day)
        alone = {term: with_history(connection, CATALOG, asking, [term], day) for term in [*terms[::3], *some]}
        monkeypatch.setattr("engine.happenings.history.AT_ONCE", 33)
        assert with_history(connection, CATALOG, asking, terms, day) == together
        nothing = with_history(connection, CATALOG, asking.slice(0, 0), terms, day)
    for term, table in [*alone.items(), *((term, last_ever) for term in ever)]:
        assert table[key_of(term)] == together[key_of(term)], term
    assert (nothing.num_rows, nothing.schema) == (0, together.schema)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/St_Johns", dt.date(2006, 11, 28)),
        ("America/Sao_Paulo", dt.date(2018, 12, 3)),
        ("Atlantic/Azores", dt.date(2026, 11, 24)),
        ("America/New_York", dt.date(2026, 11, 30)),
    ],
)
def test_each_event_around_a_difficult_midnight_is_in_the_window_or_not(store: Store, zone: str, day: dt.date) -> None:
    """A customer an event, a quarter of an hour apart, and a microsecond beside."""
    first = months_from(day, -1) + dt.timedelta(1)
    at = dt.datetime.combine(day, dt.time(9), ZoneInfo(zone)).astimezone(dt.UTC)
    midnight = dt.datetime.combine(first, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    near = [midnight + dt.timedelta(minutes=15 * n) + shift for n in range(-8, 9) for shift in (-TICK, 0 * TICK, TICK)]
    people = [f"c{number:03}" for number in range(len(near))]
    with store.write() as connection:
        put_customers(connection, CATALOG, [{"customer.id": one} for one in people], NOW)
        put_events(
            connection,
            CATALOG,
            [Event(*one) for one in zip(people, ["visit"] * len(near), people, near, strict=True)],
            NOW,
        )
        asking = key_columns(Occurrence("m", 0, Owner.CUSTOMER, one, None, "m:1", zone, at) for one in people)
        month = Window(1, TimeUnit.MONTHS)
        terms = [CountOf(Events("visit", All(()), month)), LastOf(Events("visit", All(())))]
        table = with_history(connection, CATALOG, asking, terms, day)
    past = History(at, ZoneInfo(zone))
    assert table[key_of(terms[0])].to_pylist() == [past.within(one, month) for one in near]
    assert table[key_of(terms[1])].to_pylist() == [past.local_date(one) for one in near]
    assert {past.within(one, month) for one in near} == {True, False}


def test_an_event_that_is_supposed_counts_as_if_it_were_recorded(store: Store) -> None:
    day = DAYS[2]
    made = world(day)
    owned = next(met for met in made.occurrences if met.subscription is not None)
    new = [
        Event(f"new-{moment}-{ago}", moment, owned.customer, owned.due_at - ago * TICK, {"page": "/a"}, which)
        for moment, which in (("visit", None), ("failed", owned.subscription))
        for ago in (-1, 0, 7)
    ]
    fill(store, made)
    asking = key_columns(made.occurrences)
    for where in (All(()), Asked("equal", PAGE, ("/a",))):
        kinds = (CountOf, LastOf, SinceLast)
        lists = [[kind(Events(name, where)) for name in MOMENTS for kind in kinds[first:]] for first in (0, 1)]
        with store.write() as connection:
            supposed = [with_history(connection, CATALOG, asking, terms, day, new) for terms in lists]
            before = [with_history(connection, CATALOG, asking, terms, day) for terms in lists]
            with connection.begin_nested() as undone:
                put_events(connection, CATALOG, new, NOW)
                recorded = [with_history(connection, CATALOG, asking, terms, day) for terms in lists]
                undone.rollback()
        assert supposed == recorded
        assert all(told != known for told, known in zip(supposed, before, strict=True))


def test_answers_in_another_order_are_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases read a list of constants from its beginning; nothing says that they must."""
    day = DAYS[2]
    made = world(day)
    fill(store, made)
    asking = key_columns(made.occurrences)
    terms = [LastOf(Events("visit", All(()))), CountOf(Events("failed", All(())))]
    with store.read() as connection:
        as_usual = with_history(connection, CATALOG, asking, terms, day)
        usual = dialect_of(connection)

        def backwards(columns: Any) -> packed.Asked:
            asked = usual.asked(columns)
            listed = asked.source if store.dialect == "sqlite" else asked.source.replace("asked(", "listed(")
            source = f"(SELECT * FROM {listed} ORDER BY {asked.place.partition('.')[2]} DESC) AS asked"
            return replace(asked, source=source)

        monkeypatch.setattr(packed, "dialect_of", lambda _: replace(usual, asked=backwards))
        assert with_history(connection, CATALOG, asking, terms, day) == as_usual


def test_the_comparisons_are_many_and_not_all_alike() -> None:
    verdicts = [found for day in DAYS for found in expected(day, CONDITIONS)]
    compared, true = len(verdicts) * CONDITIONS, sum(map(len, verdicts))
    assert compared >= 12_000
    assert 0.2 < true / compared < 0.8
    terms = {type(term) for day in DAYS for each in made_conditions(day, CONDITIONS) for term in historic(each)}
    assert terms == {CountOf, SumOf, LastOf, SinceLast, UsageOf, QuotaOf, DecidedCount}


def test_keys_are_equal_for_equal_terms_alone() -> None:
    rng = random.Random(3)
    terms = [term for term in (made_term(rng) for _ in range(2000)) if not isinstance(term, Arithmetic | Elapsed)]
    by_key: dict[str, Term] = {}
    for term in terms:
        assert by_key.setdefault(key_of(term), term) == term
        assert key_of(term).isprintable()
        assert "(" in key_of(term)
    assert len(by_key) == len(set(terms))
    one, other = (Events("visit", Asked("less", SECONDS, (value,), text)) for value, text in ((1, "a"), (1.0, "b")))
    assert one == other
    assert key_of(CountOf(one)) == key_of(CountOf(other))
