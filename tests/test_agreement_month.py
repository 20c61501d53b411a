"""A random month decided in three ways: previewed day by day, by passes, and by the way of single events.

Two stores live through the same month. In one, events only wait and one pass ends each day; in the other a pass decides
what is due by the calendar, and each event is decided when it is told. Before each pass previews are made, and what is
due is asked of the API's `would_decide`, person by person. All must say the same.

Events happen after the day's pass and before anything of the next day is due anywhere, and no condition asks for tags,
so that every way knows the same when it decides.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from dsl.typed import DecidedCount, MomentUse, Rule, Ruleset
from engine.decisions import reasons
from engine.event_path import decide_event, would_decide
from engine.matching.reads import historic
from engine.moments.due import due_batch
from engine.passes import run, run_pass, work
from engine.plans import plans_of
from engine.simulation.preview import preview
from engine.store.events import Event, put_events
from engine.store.session import Store, open_store
from engine.store.tables import decisions
from tests import agreement_world as world
from tests.conftest import make_tables
from tests.spark_world import everything

FIRST = dt.date(2026, 3, 20)
MONTH = [FIRST + dt.timedelta(days) for days in range(30)]
PEOPLE, RULES, SEED = 40, 24, 3
DAILY_PREVIEWS = 2

FREE = "free"
"""What nothing holds but another rule."""


# --- the month -------------------------------------------------------------------------------------------------------


def ruleset() -> Ruleset:
    """Random rules: dates fall into the month, a recurring moment has one offset, a delay ends in an evening."""
    rng = random.Random(SEED)
    drawn = world.ruleset(FIRST, RULES, SEED, tags=False)
    return replace(drawn, rules=tuple(replace(rule, moments=_moments(rule, rng)) for rule in drawn.rules))


def _moments(rule: Rule, rng: random.Random) -> tuple[MomentUse, ...]:
    found = []
    for use in rule.moments:
        if use.date is not None:
            day = rng.choice(MONTH)
            found.append(MomentUse(day.isoformat(), 0, day))
        elif use.delay:
            found.append(replace(use, delay=dt.timedelta(hours=24)))
        else:
            found.append(replace(use, offset={"birthday": 7}.get(use.moment, 0)))
    return tuple(dict.fromkeys(found))


RULESET = ruleset()


@dataclass
class Month:
    """What each way says. `asked` are occasions: a customer with what is due at an instant, one entry a subject."""

    days: int
    batch: Store
    single: Store
    previews: list[tuple[Rule, dt.date, Any]]
    asked: dict[tuple[str, dt.date], dict[tuple[str, str], frozenset[tuple[Any, ...]]]]


def evening(day: dt.date, hour: int = 18, minute: int = 0) -> dt.datetime:
    """By 18:00 UTC the day's moments are due in every zone of the made-up people, and none of the next day's."""
    return dt.datetime.combine(day, dt.time(hour, minute), dt.UTC)


def happenings_of(day: dt.date, made: world.Made, rng: random.Random) -> list[Event]:
    """What happens on an evening, by time."""
    found = []
    for number in range(rng.randrange(5)):
        customer = str(rng.choice(made.customers)["customer.id"])
        held = [str(one["subscription.id"]) for one in made.subscriptions if one["customer.id"] == customer]
        at = evening(day) + dt.timedelta(minutes=rng.randint(1, 340), microseconds=rng.randrange(10**6))
        found.append(world.event(rng, f"{day}/{number}", customer, held, at))
    return sorted(found, key=lambda one: one.occurred_at)


def asked_of(store: Store, day: dt.date) -> Iterator[tuple[str, tuple[str, str], frozenset[tuple[Any, ...]]]]:
    """For each subject that is due on a day: whose it is, what it is, and what the API says would be decided."""
    for use in plans_of(RULESET).scheduled(day):
        with store.read() as connection:
            due = due_batch(connection, world.CATALOG, use, day, None, None, ()).to_pylist()
        for met in {(one["customer"], one["subject"]): one for one in due}.values():
            which = met["subscription"] if met["subject"] != met["customer"] else None
            lines = would_decide(
                store, RULESET, use.moment, met["customer"], met["due_at"], subscription_id=which, day=day
            )
            said = {
                (line.rule, line.subscription_id, line.result, line.reason, line.detail, line.offer, line.channels)
                for line in lines
            }
            yield met["customer"], (use.moment, met["subject"]), frozenset(said)


@pytest.fixture(scope="module", params=[8, pytest.param(len(MONTH), marks=pytest.mark.torture)])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Its first days, or all of it."""
    rng, made = random.Random(SEED), world.made(FIRST, world.of_one_shard(PEOPLE), SEED)
    stores = []
    for name in ("batch", "single"):
        file = tmp_path_factory.mktemp(name) / "carpe.db"
        make_tables(file)
        stores.append(open_store(f"sqlite:///{file}"))
        world.fill(stores[-1], replace(made, waiting=()), evening(FIRST, 0))
    this = Month(request.param, *stores, [], {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SHARDS", 1)
        patch.setattr(work, "SHARDS", 1)
        for day in MONTH[: this.days]:
            live_a_day(this, day, happenings_of(day, made, rng), rng)
    yield this
    for each in stores:
        each.close()


def live_a_day(this: Month, day: dt.date, told: list[Event], rng: random.Random) -> None:
    listening = [rule for rule in RULESET.rules if set(rule.moments) & set(plans_of(RULESET).scheduled(day))]
    for rule in rng.sample(listening, min(DAILY_PREVIEWS, len(listening))):
        this.previews.append((rule, day, preview(this.batch, RULESET, rule, day, evening(day), samples=0)))
    for customer, what, said in asked_of(this.single, day):
        this.asked.setdefault((customer, day), {})[what] = said
    run_pass(this.single, RULESET, evening(day))
    for event in told:
        for store in (this.batch, this.single):
            with store.write() as connection:
                put_events(connection, world.CATALOG, [event], event.occurred_at)
        decide_event(this.single, RULESET, event.source, event.id, event.occurred_at)
    for store in (this.single, this.batch):
        run_pass(store, RULESET, evening(day, 23, 59))


def decided(store: Store) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(decisions)).all())


# --- what must be equal ----------------------------------------------------------------------------------------------


def test_passes_and_single_events_leave_the_same(month: Month) -> None:
    left = everything(month.batch)
    assert everything(month.single) == left
    results = Counter(row.result for row in decided(month.batch))
    assert min(results[name] for name in ("offered", "said", "tagged", "held")) > month.days // 2
    assert sum(":api:" in row.occurrence for row in decided(month.batch)) > month.days


def test_each_day_was_previewed_as_it_was_decided(month: Month) -> None:
    """A preview is of one rule alone, so it cannot say that another rule wins; all else it says exactly."""
    scheduled = [row for row in decided(month.batch) if ":api:" not in row.occurrence]
    matched = 0
    for rule, day, said in month.previews:
        mine = [row for row in scheduled if (row.rule, row.local_date) == (rule.name, day)]
        found = Counter(FREE if row.reason in (None, reasons.OUTRANKED) else held(row.reason) for row in mine)
        outranked = held(reasons.OUTRANKED)
        told: Counter[str] = Counter()
        for what, count in said.outcomes:
            told[what if what.startswith("held") and what != outranked else FREE] += count
        assert (said.matched, told) == (len(mine), found), (rule.name, day)
        matched += len(mine)
    assert matched > month.days // 2


def held(reason: str) -> str:
    return f"held: {reasons.summary(reason)}"


def test_the_api_said_what_was_decided(month: Month) -> None:
    """It is asked moment by moment: who wins among several is known where one is due, else who may win."""
    rows: dict[tuple[str, dt.date], dict[tuple[str, str], set[tuple[Any, ...]]]] = {}
    for row in decided(month.batch):
        if ":api:" not in row.occurrence:
            what = (row.rule, row.subscription_id, row.result, row.reason, row.detail, row.offer, tuple(row.channels))
            of_day = rows.setdefault((row.customer_id, row.local_date), {})
            of_day.setdefault((row.moment, row.subject), set()).add(what)
    alone = 0
    for occasion, asked in month.asked.items():
        found = {what: rows.get(occasion, {}).get(what, set()) for what in asked}
        if len(asked) == 1:
            assert found == asked, occasion
            alone += sum(map(len, asked.values()))
        else:
            assert {k: set(map(may_win, each)) for k, each in found.items()} == {
                k: set(map(may_win, each)) for k, each in asked.items()
            }, occasion
    assert rows.keys() <= month.asked.keys()
    assert alone > month.days // 2


def may_win(what: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same without who won."""
    rule, which, result, reason, detail, offer, channels = what
    free = reason in (None, reasons.OUTRANKED)
    return rule, which, FREE if free else result, None if free else reason, None if free else detail, offer, channels


def test_what_happened_is_previewed_as_it_was_decided(month: Month) -> None:
    """Afterwards; but for rules that ask for offers, which were not all made yet when events were decided."""
    met = [row for row in decided(month.batch) if ":api:" in row.occurrence]
    happening = set(plans_of(RULESET).happening())
    some = [rule for rule in RULESET.rules if set(rule.moments) <= happening]
    compared = 0
    for rule in some:
        if any(isinstance(term, DecidedCount) for term in historic(rule.condition)):
            continue
        for day in MONTH[:3] if not compared else MONTH[5:6]:
            mine = [row for row in met if (row.rule, row.local_date) == (rule.name, day)]
            assert preview(month.batch, RULESET, rule, day, evening(MONTH[-1]), samples=0).matched == len(mine)
            compared += len(mine)
    assert compared > 5
