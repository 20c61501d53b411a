"""Random rulesets and hostile people for the agreement of decisions: every way of deciding a day must say the same.

Conditions are those of `tests.strategies` (what is stored) and of `test_happenings_agreement` (what happened before),
alone and together. People have values missing in every place and values next to which comparisons go wrong; what
happened to them lies on the edges of windows.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count, islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from dsl.catalog import Catalog, Meter, Moment, MomentKind, Owner, Policies, Product, Recurs
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind, Value
from dsl.messages import Message
from dsl.products import Charge, Model, PriceList, Tier
from dsl.typed import (
    Action,
    All,
    AnyOf,
    Attribute,
    Condition,
    CountOf,
    Events,
    MomentUse,
    Offer,
    Rule,
    Ruleset,
    Say,
    Segment,
    Tag,
    Term,
    Test,
    Window,
)
from engine.matching.reads import attributes_of
from engine.store.events import Event, put_events
from engine.store.inserts import insert_values
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import readings
from engine.store.zones import shard_of
from tests import test_happenings_agreement as happenings
from tests.strategies import NAMES, TERMS, conditions, make_rows
from tests.test_matching_store import CATALOG as STORED

Row = dict[str, Value]
Drawn = TypeVar("Drawn")

CHANNELS = ("email", "in_app")
ZONES = ("UTC", "America/Los_Angeles", "Asia/Tokyo", "Atlantic/Azores", "Nowhere/Land", None)

# A pass takes out of a store what the catalog does not know.
_COUNTRY = replace(STORED.customer["country"], type=DataType(Kind.ENUM, tuple(NAMES)))
_ODD = {name: Product(name, name) for name in NAMES if name not in happenings.QUOTA}


def _sold(products: dict[str, Product]) -> dict[str, Product]:
    """At prices in two currencies; some alike, so that they tie."""
    return {
        name: replace(one, charges=_every_interval(_charges(100 * (number % 5) + 700)))
        for number, (name, one) in enumerate(products.items())
    }


def _every_interval(charges: tuple[Charge, ...]) -> dict[str, tuple[Charge, ...]]:
    return dict.fromkeys(("month", "year"), charges)


def _per(meter: str, minor: int) -> tuple[Charge, ...]:
    tiers = (Tier(Decimal(30), Decimal(minor)), Tier(None, Decimal(minor) / 4, 150))
    return tuple(Charge(Model.GRADUATED, currency, tiers=tiers, per=meter) for currency in ("USD", "EUR"))


def _charges(minor: int) -> tuple[Charge, ...]:
    return tuple(Charge(Model.FLAT, currency, Decimal(minor)) for currency in ("USD", "EUR"))


CATALOG: Catalog = replace(
    STORED,
    customer={**STORED.customer, "country": _COUNTRY},
    moments={
        **happenings.MOMENTS,
        "birthday": Moment("birthday", MomentKind.RECURRING, Owner.CUSTOMER, "date_of_birth", Recurs.YEAR),
        "bill": Moment("bill", MomentKind.RECURRING, Owner.SUBSCRIPTION, "started_on", Recurs.MONTH),
    },
    meters={**happenings.CATALOG.meters, "minutes": Meter("minutes", "minutes", "counter", "billing_period")},
    plans=_sold({**_ODD, **happenings.CATALOG.plans}),
    addons={
        **_sold({**happenings.CATALOG.addons}),
        "more": replace(happenings.CATALOG.addons["more"], charges=_every_interval(_per("storage", 7))),
    },
    price_lists={
        "loyal": PriceList("loyal", "USD", {}, "loyal", {"premium": _every_interval(_per("minutes", 3))}),
        "some": PriceList(
            "some", "EUR", {"country": ("NO", "basic")}, "seated", {"more": _every_interval(_charges(99))}
        ),
    },
    channels=CHANNELS,
    default_via=("in_app",),
    policies=Policies(consent={"email": "marketing_ok"}),
)
_SCHEDULED = [term for term in TERMS if all(one.owner is not Owner.EVENT for one in attributes_of(term))]


def drawn(strategy: st.SearchStrategy[Drawn], size: int, number: int) -> list[Drawn]:
    """Some examples of a strategy, always the same for a number."""
    found: list[Drawn] = []

    @seed(number)
    @settings(
        max_examples=size,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(strategy)
    def draw(one: Drawn) -> None:
        found.append(one)

    draw()
    return found


# What price lists ask: the past alone, and state alone.
_VISITS = CountOf(Events("visit", All(()), Window(30, TimeUnit.DAYS)))
_SEATS = Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))
SEGMENTS = {
    "loyal": Segment("loyal", Test("greater_or_equal", _VISITS, (1,))),
    "seated": Segment("seated", Test("greater", _SEATS, (1,))),
}


# --- rules -----------------------------------------------------------------------------------------------------------


def ruleset(day: dt.date, size: int, number: int, *, tags: bool = True) -> Ruleset:
    """Rules that have something to do on a local day: on it as a date, on what comes on it, on events and delays.

    Without `tags` no condition asks for tags, which rules themselves put on and take off.
    """
    rng = random.Random(number)
    whole = MomentUse(day.isoformat(), 0, day)
    by_date = [
        MomentUse(name, offset) for name, offset in (("birthday", 0), ("birthday", 7), ("bill", 0), ("bill", -1))
    ]
    scheduled = [whole, whole, *by_date]
    lists = [
        rng.choices(scheduled, k=rng.choice((1, 1, 2))) if rng.random() < 0.6 else _events(rng) for _ in range(size)
    ]
    before = happenings.made_conditions(dt.date.fromordinal(number + 1), size)
    stored = {
        first: iter(drawn(conditions(day, _terms(terms, tags), leaves=6), size, number))
        for first, terms in ((True, _SCHEDULED), (False, TERMS))
    }
    rules = tuple(
        _rule(f"r{n:03}", uses, _condition(next(stored[uses[0] in scheduled]), before[n], rng), rng)
        for n, uses in enumerate(lists)
    )
    message = Message("hello", "Hello", "{{ first_name }}")
    return Ruleset(CATALOG, rules, SEGMENTS, {message.name: message}, f"{number:064}")


def _events(rng: random.Random) -> list[MomentUse]:
    """An event, what comes some time after one, or both: then the later is known already where the first matched."""
    moment = rng.choice(("visit", "failed"))
    both = [MomentUse(moment), MomentUse(moment, delay=dt.timedelta(hours={"visit": 24, "failed": 30}[moment]))]
    return rng.choice((both, both[:1], both[1:]))


def _terms(terms: Sequence[Term], tags: bool) -> list[Term]:
    return [term for term in terms if tags or all(one.key != "customer.tags" for one in attributes_of(term))]


def _condition(stored: Condition, before: Condition, rng: random.Random) -> Condition:
    return rng.choice((stored, stored, before, All((stored, before)), AnyOf((stored, before))))


def _rule(name: str, uses: Sequence[MomentUse], condition: Condition, rng: random.Random) -> Rule:
    actions: tuple[Action, ...] = rng.choice(
        (
            (Offer(("premium",)),),
            (Offer(("more",)), Say("hello")),
            (Offer(("basic", "premium", "backup")),),
            (Say("hello"), Tag("a")),
            (Say("hello"),),
            (Tag("b"),),
            (Tag("sport", add=False),),
        )
    )
    via = rng.choice((("in_app",), ("email",), CHANNELS))
    return Rule(name, None, tuple(dict.fromkeys(uses)), condition, actions, via, priority=rng.choice((0, 0, 1, 7)))


# --- people and what happened to them --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """Everything that a store is filled with. `waiting` are events that are still to be met, `events` history."""

    customers: Sequence[Row]
    subscriptions: Sequence[Row]
    events: Sequence[Event]
    waiting: Sequence[Event]
    used: Sequence[tuple[str, str, dt.datetime, float]]


def people(rng: random.Random, today: dt.date, ids: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """Customers with no, one or two subscriptions, as rows of state."""
    rows = make_rows(len(ids), today, rng.randrange(2**32))
    customers: list[Row] = []
    subscriptions: list[Row] = []
    for number, (whose, row) in enumerate(zip(ids, rows, strict=True)):
        customers.append({"customer.id": whose} | {k: v for k, v in row.items() if k.startswith("customer.")})
        for held in range(rng.choice((0, 1, 1, 2))):
            state = rows[(number + held) % len(rows)]
            mine = {key: value for key, value in state.items() if key.startswith("subscription.")}
            subscriptions.append({"customer.id": whose, "subscription.id": f"{whose}-{held}"} | mine)
    return customers, subscriptions


def named(size: int) -> list[str]:
    return [f"c{number:03}" for number in range(size)]


def of_one_shard(size: int) -> list[str]:
    """Ids of customers who are all in shard 0, so that a pass has one to look at."""
    return list(islice((name for name in map("c{:03}".format, count()) if shard_of(name) == 0), size))


def made(day: dt.date, ids: Sequence[str], number: int) -> Made:
    """People in many zones; what they met before lies on the edges of windows as seen from the day."""
    rng = random.Random(number)
    customers, subscriptions = people(rng, day, ids)
    events, waiting, used = [], [], []
    for one in customers:
        if (zone := rng.choice(ZONES)) is not None:
            one["customer.timezone"] = zone
        held = [str(each["subscription.id"]) for each in subscriptions if each["customer.id"] == one["customer.id"]]
        at = dt.datetime.combine(day, dt.time(9), ZoneInfo(zone if zone in _KNOWN else "UTC")).astimezone(dt.UTC)
        for nth in range(rng.randrange(6)):
            when = happenings.happened_at(rng, at, "UTC")
            events.append(event(rng, f"{one['customer.id']}/{nth}", str(one["customer.id"]), held, when))
        for nth in range(rng.choice((0, 0, 1, 3))):
            when = at + dt.timedelta(hours=rng.choice((-60, -33, -30, -24, -9, 0, 0, 3, 14, 15, 20)))
            waiting.append(event(rng, f"{one['customer.id']}/w{nth}", str(one["customer.id"]), held, when))
        used += [(held[0], "storage", happenings.happened_at(rng, at, "UTC"), 40.0 * n) for n in range(2) if held]
        used += [
            (which, "minutes", at - dt.timedelta(days=days), 17.5 * days + len(which) + nth)
            for nth, which in enumerate(held)
            for days in range(nth, 70, 9)
        ]
    return Made(customers, subscriptions, events, waiting, used)


_KNOWN = ("UTC", "America/Los_Angeles", "Asia/Tokyo", "Atlantic/Azores")


def event(rng: random.Random, key: str, customer: str, held: Sequence[str], at: dt.datetime) -> Event:
    moment = rng.choice(("visit", "failed")) if held else "visit"
    which = rng.choice(held) if moment == "failed" else None
    return Event(key, moment, customer, at, happenings.made_properties(rng), which)


def fill(store: Store, all_of: Made, now: dt.datetime) -> None:
    """Put it all in, as known at `now`; what waits is told as if it had just happened."""
    with store.write() as connection:
        reindex(connection, CATALOG, now)
        put_customers(connection, CATALOG, all_of.customers, now)
        put_subscriptions(connection, CATALOG, all_of.subscriptions, now)
        put_events(connection, CATALOG, all_of.events, now, catch_up=dict.fromkeys(happenings.MOMENTS, NEVER))
        put_events(connection, CATALOG, all_of.waiting, now, catch_up=dict.fromkeys(happenings.MOMENTS, ALWAYS))
        names = ("subscription_id", "meter", "read_at", "used", "recorded_at")
        rows = {one[:3]: dict(zip(names, (*one, now), strict=True)) for one in all_of.used}
        insert_values(connection, readings, list(rows.values()))


NEVER, ALWAYS = dt.timedelta(0), dt.timedelta(days=366)
