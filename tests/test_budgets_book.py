"""The book of budgets: limits in their calendar periods, reserved and settled exactly, also by several at once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine.budgets.allotting import allot
from engine.budgets.book import LimitExceeded, OpenLimit, Taking, counted, open_limits, reserve, rooms
from engine.budgets.candidates import NOT_REFUSED, Candidates
from engine.budgets.limits import Limit, LimitKind, Period, limits_of
from engine.budgets.refusals import refusal
from engine.budgets.settling import Settled, lock, settle
from engine.reports.decisions import outcome
from engine.store.session import Store, open_store
from engine.store.tables import budgets, draws
from tests import world
from tests.offer_world import NOW, decide, premium, used

ZONE = "America/New_York"


def rule(*clauses: str, name: str = "some"):
    [found] = world.ruleset(f"rule {name} on birthday offer premium via in_app {' '.join(clauses)}").rules
    return found


def take(store: Store, limits: tuple[Limit, ...], takings: list[Taking], now: dt.datetime = NOW) -> None:
    with store.write() as connection:
        opened = open_limits(connection, limits, now, ZONE)
        decide(connection, [premium(0, each.decision_id) for each in takings], now)
        reserve(connection, opened, takings)


def taking(name: str, customer: str = "c0", cost: int = 1000, currency: str = "USD") -> Taking:
    return Taking(name, "some", customer, currency, cost)


def left(store: Store, limits: tuple[Limit, ...], now: dt.datetime = NOW) -> dict[str, int]:
    with store.write() as connection:
        return {str(each.limit): each.left for each in open_limits(connection, limits, now, ZONE)}


# --- limits and periods ----------------------------------------------------------------------------------------------


def test_the_limits_of_a_rule() -> None:
    found = limits_of([rule("at most 500 customers per day", "budget $5000 per week", "budget 200 EUR per week")])
    assert [str(each) for each in found] == [
        "200.00 EUR per week",
        "5,000.00 USD per week",
        "500 customers per day",
    ]
    assert limits_of([rule()]) == ()


def test_of_a_limit_that_is_said_twice_the_smaller_counts() -> None:
    """Once by the sign and once by the code, the parser cannot know that they are one currency."""
    [found] = limits_of([rule("budget $500 per day", "budget 20 USD per day")])
    assert found.most == 2000


@pytest.mark.parametrize(
    ("instant", "zone", "day", "week", "month"),
    [
        ("2026-03-01T04:59:00+00:00", "America/New_York", "2026-02-28", "2026-02-23", "2026-02-01"),
        ("2026-03-01T05:00:00+00:00", "America/New_York", "2026-03-01", "2026-02-23", "2026-03-01"),
        ("2026-03-02T05:00:00+00:00", "America/New_York", "2026-03-02", "2026-03-02", "2026-03-01"),
        ("2026-03-08T07:30:00+00:00", "America/New_York", "2026-03-08", "2026-03-02", "2026-03-01"),  # clocks change
        ("2026-12-31T15:00:00+00:00", "Asia/Tokyo", "2027-01-01", "2026-12-28", "2027-01-01"),
    ],
)
def test_periods_are_of_the_calendar(instant: str, zone: str, day: str, week: str, month: str) -> None:
    at = dt.datetime.fromisoformat(instant)
    assert [str(period.start(at, zone)) for period in Period] == [day, week, month]


@given(st.integers(0, 100 * 365 * 24), st.sampled_from(["Asia/Tokyo", "America/Lima"]))
def test_a_period_begins_with_itself(hours: int, zone: str) -> None:
    at = dt.datetime(1980, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hours)
    day, week, month = (period.start(at, zone) for period in Period)
    assert week.isoweekday() == 1
    assert dt.timedelta(0) <= day - week < dt.timedelta(7)
    assert (month.day, month.month, month.year) == (1, day.month, day.year)


# --- reserving -------------------------------------------------------------------------------------------------------


def test_what_is_reserved_is_not_left(store: Store) -> None:
    limits = limits_of([rule("at most 3 customers per day", "budget $25 per week")])
    take(store, limits, [taking("a", "c0"), taking("b", "c1", 500), taking("c", "c1", 0)])
    assert left(store, limits) == {"25.00 USD per week": 1000, "3 customers per day": 1}
    assert left(store, limits, NOW + dt.timedelta(days=1)) == {"25.00 USD per week": 2500, "3 customers per day": 3}
    assert left(store, limits, NOW - dt.timedelta(days=1)) == {"25.00 USD per week": 1000, "3 customers per day": 3}


def test_more_than_is_left_is_never_reserved(store: Store) -> None:
    limits = limits_of([rule("budget $25 per week")])
    with pytest.raises(LimitExceeded):
        take(store, limits, [taking("a", cost=2000), taking("b", cost=501)])
    assert left(store, limits) == {"25.00 USD per week": 2500}
    take(store, limits, [taking("a", cost=2000), taking("b", cost=500), taking("c", cost=900, currency="EUR")])
    assert left(store, limits) == {"25.00 USD per week": 0}


def test_who_was_reached_in_the_period_takes_no_second_place(store: Store) -> None:
    limits = limits_of([rule("at most 1 customers per day", "at most 5 customers per month")])
    take(store, limits, [taking("a"), taking("b")])
    take(store, limits, [taking("c")])
    with store.write() as connection:
        opened = open_limits(connection, limits, NOW, ZONE)
        assert [each.tolist() for each in counted(connection, opened, ["x", "c0", "y"])] == [[1], [1]]
        opened = open_limits(connection, limits, NOW + dt.timedelta(days=1), ZONE)
        assert [each.tolist() for each in counted(connection, opened, ["x", "c0", "y"])] == [[], [1]]
    assert left(store, limits) == {"1 customers per day": 0, "5 customers per month": 4}


def test_a_limit_that_was_lowered_lets_nothing_more_through(store: Store) -> None:
    take(store, limits_of([rule("budget $25 per week")]), [taking("a", cost=2000)])
    lower = limits_of([rule("budget $15 per week")])
    assert left(store, lower) == {"15.00 USD per week": -500}
    with pytest.raises(LimitExceeded):
        take(store, lower, [taking("b", cost=1)])
    take(store, limits_of([rule("budget $30 per week")]), [taking("b", cost=1000)])
    with store.read() as connection:
        assert connection.execute(sa.select(budgets.c.most, budgets.c.reserved)).one() == (3000, 3000)


# --- settling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "volume", "money"),
    [
        (Settled.TAKEN, (1, 1, 0), (500, 1000, 0)),
        (Settled.GIVEN_UP, (1, 1, 0), (500, 0, 1000)),
        (Settled.UNDONE, (1, 0, 1), (500, 0, 1000)),
    ],
)
def test_what_was_reserved_is_settled_once(store: Store, how: Settled, volume: tuple, money: tuple) -> None:
    limits = limits_of([rule("at most 3 customers per day", "budget $25 per week")])
    take(store, limits, [taking("a", "c0"), taking("b", "c1", 500)])
    for _ in range(2):
        with store.write() as connection:
            lock(connection, ["a", "unknown"])
            settle(connection, ["a", "unknown"], how)
    assert used(store) == {("volume", "day"): volume, ("money", "week"): money}


@pytest.mark.parametrize(("answered", "expected"), [(False, (1, 0, 0)), (True, (0, 1, 0))])
def test_a_place_goes_on_to_the_customer_s_other_decision(store: Store, answered: bool, expected: tuple) -> None:
    """Nobody could be told of the first; the second reached the customer, who still has one place, not none."""
    take(store, limits_of([rule("at most 3 customers per day")]), [taking("a"), taking("b")])
    with store.write() as connection:
        if answered:
            settle(connection, ["b"], Settled.GIVEN_UP)
        settle(connection, ["a"], Settled.UNDONE)
    assert used(store) == {("volume", "day"): expected}
    with store.write() as connection:
        settle(connection, ["b"], Settled.UNDONE)
    assert used(store) == {("volume", "day"): (0, 1, 0) if answered else (0, 0, 1)}


def test_of_two_that_are_undone_together_none_inherits(store: Store) -> None:
    take(store, limits_of([rule("at most 3 customers per day")]), [taking("a"), taking("b")])
    with store.write() as connection:
        settle(connection, ["a", "b"], Settled.UNDONE)
    assert used(store) == {("volume", "day"): (0, 0, 1)}


# --- several at once -------------------------------------------------------------------------------------------------


def test_limits_hold_exactly_under_four_workers(store: Store, database_url: str) -> None:
    """Each takes what it can, as events do: first come. Two rules, so that locks have an order to keep."""
    limits = limits_of([rule("at most 7 customers per day"), rule("budget $95 per week", name="other")])
    barrier = Barrier(4)

    def work(number: int) -> int:
        mine, won = open_store(database_url), 0
        barrier.wait()
        for n in range(6):
            won += one_event(mine, limits, f"{number}-{n}")
        mine.close()
        return won

    with ThreadPoolExecutor(4) as pool:
        won = sum(pool.map(work, range(4)))
    assert won == 7 + 9
    with store.read() as connection:
        total = sa.select(budgets.c.kind, budgets.c.reserved).order_by(budgets.c.kind)
        assert connection.execute(total).all() == [("money", 9000), ("volume", 7)]
        summed = sa.select(draws.c.kind, sa.func.sum(draws.c.amount)).group_by(draws.c.kind).order_by(draws.c.kind)
        assert [(kind, int(amount)) for kind, amount in connection.execute(summed)] == [("money", 9000), ("volume", 7)]


def one_event(store: Store, limits: tuple[Limit, ...], name: str) -> int:
    """A customer meets both rules; each has them where there is room."""
    with store.write() as connection:
        opened = open_limits(connection, limits, NOW, ZONE)
        takings = [
            Taking(f"{each.limit.rule}-{name}", each.limit.rule, name, "USD", 1000)
            for each in opened
            if each.left >= asked(each)
        ]
        if takings:
            decide(connection, [premium(0, each.decision_id) for each in takings])
            reserve(connection, opened, takings)
        return len(takings)


def asked(one: OpenLimit) -> int:
    return 1 if one.limit.kind is LimitKind.VOLUME else 1000


# --- from the book to the candidates and back ------------------------------------------------------------------------


def test_a_pass_and_an_event_share_what_there_is(store: Store) -> None:
    """Two passes after each other, as they are decided: opened, allotted, reserved; each refusal with its reason."""
    limits = limits_of([rule("at most 3 customers per day", "budget $25 per week")])
    assert allotted(store, limits, {"c0": 5, "c1": 9, "c2": 7}) == {
        "c0": "held: what is left of the budget of 25.00 USD per week does not cover the discount",
        "c1": "offered",
        "c2": "offered",
    }
    assert allotted(store, limits, {"c3": 1}, cost=500) == {"c3": "offered"}
    assert allotted(store, limits, {"c1": 1, "c4": 2}, cost=0) == {
        "c1": "offered",
        "c4": "held: the limit of 3 customers per day is reached",
    }
    assert allotted(store, limits, {"c1": 1}, currency="EUR") == {
        "c1": "held: the discount is in EUR, and the rule has no budget in that currency"
    }


def allotted(
    store: Store, limits: tuple[Limit, ...], values: dict[str, float], cost: int = 1000, currency: str = "USD"
) -> dict[str, str]:
    customers, currencies = sorted(values), {"": 0, "USD": 1, "EUR": 2}
    codes = np.arange(len(customers))
    same = np.zeros_like(codes)
    with store.write() as connection:
        opened = open_limits(connection, limits, NOW, ZONE)
        left = rooms(connection, opened, {"some": 0}, currencies, customers)
        worth = np.array([values[each] for each in customers], np.float64)
        code = np.full_like(codes, currencies[currency])
        found = allot(Candidates(codes, same, worth, codes, same, codes, code, np.full_like(codes, cost)), left)
        won = [Taking(f"{each}-{cost}", "some", each, currency, cost) for each in np.array(customers)[found.won]]
        if won:
            decide(connection, [premium(0, each.decision_id) for each in won])
        reserve(connection, opened, won)
    told = [refusal(by, opened, currency) for by in found.refused_by.tolist() if by != NOT_REFUSED]
    refused = iter(outcome("held", *each) for each in told)
    return {each: "offered" if wins else next(refused) for each, wins in zip(customers, found.won, strict=True)}
