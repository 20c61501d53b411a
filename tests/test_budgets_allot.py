"""Allotment: limits hold exactly, the highest values come first, who is refused falls to the next candidate."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.budgets.allotting import Allotted, allot
from engine.budgets.candidates import NOT_REFUSED, OTHER_CURRENCY, Candidates, Room

USD, EUR = 0, 1


@dataclass(frozen=True)
class One:
    """A candidate in plain Python."""

    occasion: int
    rank: int
    value: float
    tie: int
    rule: int
    customer: int
    currency: int = USD
    cost: int = 0


def columns(some: list[One]) -> Candidates:
    dtypes = {"value": np.float64}
    return Candidates(
        *(np.array([getattr(one, each.name) for one in some], dtypes.get(each.name, np.int64)) for each in fields(One))
    )


def allotted(some: list[One], rooms: list[Room]) -> tuple[list[bool], list[int]]:
    found: Allotted = allot(columns(some), rooms)
    return found.won.tolist(), found.refused_by.tolist()


def customers(count: int, *values: float, rule: int = 0) -> list[One]:
    return [One(n, 0, value, n, rule, n) for n, value in enumerate(values)] * count


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_the_highest_values_get_the_places() -> None:
    won, refused = allotted(customers(1, 5, 9, 1, 7), [Room(0, 2)])
    assert won == [False, True, False, True]
    assert refused == [0, NOT_REFUSED, 0, NOT_REFUSED]


def test_equal_values_go_by_tie() -> None:
    some = [One(0, 0, 5, 2, 0, 0), One(1, 0, 5, 1, 0, 1)]
    assert allotted(some, [Room(0, 1)])[0] == [False, True]


def test_who_is_refused_falls_to_the_next_candidate_and_that_one_may_be_refused_too() -> None:
    some = [
        One(0, 0, 9, 0, 0, 0),
        One(1, 0, 8, 1, 0, 1),
        One(1, 1, 3, 2, 1, 1),
        One(1, 2, 1, 3, 2, 1),
        One(2, 0, 4, 4, 1, 2),
    ]
    won, refused = allotted(some, [Room(0, 1), Room(1, 1)])
    assert won == [True, False, False, True, True]
    assert refused == [NOT_REFUSED, 0, 1, NOT_REFUSED, NOT_REFUSED]


def test_a_newcomer_of_a_higher_value_takes_the_place() -> None:
    """Occasion 0 prefers rule 0 (by priority), where its value is low; refused there, it is worth 100 to rule 1."""
    some = [One(0, 0, 1, 0, 0, 0), One(0, 1, 100, 1, 1, 0), One(1, 0, 5, 2, 0, 1), One(2, 0, 50, 3, 1, 2)]
    won, refused = allotted(some, [Room(0, 1), Room(1, 1)])
    assert won == [False, True, True, False]
    assert refused == [0, NOT_REFUSED, NOT_REFUSED, 1]


def test_a_smaller_cost_still_fits_a_budget_that_a_larger_one_did_not() -> None:
    some = [One(n, 0, 10 - n, n, 0, n, USD, cost) for n, cost in enumerate((60, 50, 30, 10, 20))]
    won, _ = allotted(some, [Room(0, 100, USD)])
    assert won == [True, False, True, True, False]


def test_a_budget_is_for_its_own_currency() -> None:
    some = [One(0, 0, 9, 0, 0, 0, USD, 10), One(1, 0, 8, 1, 0, 1, EUR, 10), One(2, 0, 7, 2, 0, 2, EUR, 0)]
    won, refused = allotted(some, [Room(0, 100, USD)])
    assert (won, refused) == ([True, False, True], [NOT_REFUSED, OTHER_CURRENCY, NOT_REFUSED])
    assert allotted(some, [Room(0, 100, USD), Room(0, 5, EUR)])[1] == [NOT_REFUSED, 1, NOT_REFUSED]


def test_every_limit_of_a_rule_holds_and_the_first_that_has_no_room_is_told() -> None:
    some = [One(n, 0, 10 - n, n, 0, n, USD, 10) for n in range(5)]
    assert allotted(some, [Room(0, 4), Room(0, 25, USD)])[1] == [-1, -1, 1, 1, 1]
    assert allotted(some, [Room(0, 1), Room(0, 25, USD)])[1] == [-1, 0, 0, 0, 0]


def test_a_customer_takes_one_place() -> None:
    some = [One(0, 0, 9, 0, 0, 7), One(1, 0, 8, 1, 0, 7), One(2, 0, 7, 2, 0, 8), One(3, 0, 6, 3, 0, 9)]
    assert allotted(some, [Room(0, 2)])[0] == [True, True, True, False]
    assert allotted(some, [Room(0, 0, None, np.array([9]))])[0] == [False, False, False, True]


def test_a_customer_whose_first_candidate_is_refused_takes_a_place_with_the_second() -> None:
    """Customer 7's first costs too much; the second then takes a place of its own, and there is none for 8."""
    some = [One(0, 0, 9, 0, 0, 7, USD, 50), One(1, 0, 8, 1, 0, 7, USD, 5), One(2, 0, 7, 2, 0, 8, USD, 5)]
    assert allotted(some, [Room(0, 1), Room(0, 20, USD)]) == ([False, True, False], [1, NOT_REFUSED, 0])


@pytest.mark.parametrize("left", [-5, 0])
def test_no_room_refuses_all_but_what_costs_nothing(left: int) -> None:
    some = [One(0, 0, 9, 0, 0, 0, USD, 1), One(1, 0, 8, 1, 0, 1, USD, 0)]
    assert allotted(some, [Room(0, left, USD)])[0] == [False, True]


def test_nobody_and_no_limits() -> None:
    assert allotted([], [Room(0, 1)]) == ([], [])
    some = [One(0, 1, 9, 0, 0, 0), One(0, 0, 1, 1, 1, 0)]
    assert allotted(some, []) == ([False, True], [NOT_REFUSED, NOT_REFUSED])


def test_amounts_beyond_all_business_never_fit_rather_than_overflow() -> None:
    most = 2**63 - 1
    for cost, wins in ((most, False), (most // 2, False), (10**15, True)):
        some = [One(n, 0, 10 - n, n, 0, n, USD, cost) for n in range(4)]
        assert allotted(some, [Room(0, most, USD)])[0] == [wins] * 4


# --- against plain loops ---------------------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[One], list[Room]]:
    rules = draw(st.integers(1, 4))
    some, ties = [], count()
    for occasion in range(draw(st.integers(1, 12))):
        customer = draw(st.integers(0, 8)) if draw(st.booleans()) else 100 + occasion
        choices = draw(st.lists(st.integers(0, rules - 1), min_size=1, max_size=4))
        for rank, rule in enumerate(choices):
            value, currency = draw(st.integers(0, 4)), draw(st.sampled_from([USD, USD, USD, EUR]))
            cost = draw(st.sampled_from([0, 1, 2, 3, 5, 8]))
            some.append(One(occasion, rank * 2, value, next(ties), rule, customer, currency, cost))
    rooms = []
    for rule in range(rules):
        for _ in range(draw(st.integers(0, 2))):
            counted = np.array(draw(st.lists(st.integers(0, 8), max_size=2)), np.int64)
            rooms.append(Room(rule, draw(st.integers(-1, 5)), None, counted))
        currencies = draw(st.lists(st.sampled_from([USD, EUR]), max_size=3))
        rooms += [Room(rule, draw(st.integers(0, 20)), currency) for currency in currencies]
    return some, rooms


def by_plain_loops(some: list[One], rooms: list[Room]) -> tuple[list[bool], list[int]]:
    """The essay of `allotting`, said in loops: everything is walked through again until nobody more is refused."""
    order = sorted(range(len(some)), key=lambda n: (-some[n].value, some[n].tie))
    choices = defaultdict(list)
    for n in sorted(range(len(some)), key=lambda n: some[n].rank):
        choices[some[n].occasion].append(n)
    refused: dict[int, tuple[int, int]] = {}  # by which limit, and what was asked of it
    while True:
        proposals = {next((n for n in mine if n not in refused), None) for mine in choices.values()}
        before = len(refused)
        for rule in sorted({one.rule for one in some}):
            while walk_through(rule, [n for n in order if n in proposals or n in refused], some, rooms, refused):
                pass
        if len(refused) == before:
            break
    winners = {next((n for n in mine if n not in refused), None) for mine in choices.values()}
    numbers = range(len(some))
    return [n in winners for n in numbers], [refused.get(n, (NOT_REFUSED, 0))[0] for n in numbers]


def walk_through(
    rule: int, proposals: list[int], some: list[One], rooms: list[Room], refused: dict[int, tuple[int, int]]
) -> bool:
    """Whether somebody was refused."""
    before = len(refused)
    limits = [number for number, room in enumerate(rooms) if room.rule == rule]
    left = {number: max(rooms[number].left, 0) for number in limits}
    closed = dict.fromkeys(limits, float("inf"))
    met: set[int] = set()
    told = dict(refused)
    for n in (n for n in proposals if some[n].rule == rule):
        if n in told:
            by, asked = told[n]
            if by in closed and asked:
                closed[by] = min(closed[by], asked)
            continue
        asks = {number: asked_of(rooms[number], some[n], met) for number in limits}
        met.add(some[n].customer)
        currencies = [rooms[number].currency for number in limits if rooms[number].currency is not None]
        if currencies and some[n].cost and some[n].currency not in currencies:
            refused[n] = OTHER_CURRENCY, 0
        elif shut := [number for number in limits if 0 < asks[number] >= closed[number]]:
            refused[n] = shut[0], asks[shut[0]]
        elif full := [number for number in limits if asks[number] > left[number]]:
            refused[n] = full[0], asks[full[0]]
        else:
            for number in limits:
                left[number] -= asks[number]
    return len(refused) > before


def asked_of(room: Room, one: One, met: set[int]) -> int:
    if room.currency is not None:
        return one.cost if one.currency == room.currency else 0
    assert room.counted is not None
    return 0 if one.customer in met or one.customer in room.counted.tolist() else 1


@given(worlds())
@settings(max_examples=120, deadline=None)
def test_it_agrees_with_plain_loops(world: tuple[list[One], list[Room]]) -> None:
    assert allotted(*world) == by_plain_loops(*world)


@given(worlds())
@settings(max_examples=70, deadline=None)
def test_limits_hold_and_nobody_loses_a_place_to_a_lower_value(world: tuple[list[One], list[Room]]) -> None:
    some, rooms = world
    won, refused = allotted(some, rooms)
    assert max((sum(won[n] for n, one in enumerate(some) if one.occasion == o) for o in range(12)), default=0) <= 1
    for number, room in enumerate(rooms):
        taken = taken_of(room, some, won)
        assert sum(taken.values()) <= max(room.left, 0)
        for n, one in enumerate(some):
            if refused[n] == number:
                lower = {m: asks for m, asks in taken.items() if (-some[m].value, some[m].tie) > (-one.value, one.tie)}
                assert all(asks < (one.cost if room.currency is not None else 1) for asks in lower.values() if asks)


def taken_of(room: Room, some: list[One], won: list[bool]) -> dict[int, int]:
    """What each winner takes of a limit, of a customer's winners the highest."""
    met: set[int] = set()
    found = {}
    for n in sorted((n for n in range(len(some)) if won[n]), key=lambda n: (-some[n].value, some[n].tie)):
        if some[n].rule == room.rule:
            found[n] = asked_of(room, some[n], met)
            met.add(some[n].customer)
    return found


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_changes_nothing(world: tuple[list[One], list[Room]], rng: object) -> None:
    some, rooms = world
    order = rng.sample(range(len(some)), len(some))  # type: ignore[attr-defined]
    won, refused = allotted(some, rooms)
    shuffled = allotted([some[n] for n in order], rooms)
    assert shuffled == ([won[n] for n in order], [refused[n] for n in order])


@given(worlds())
@settings(max_examples=50, deadline=None)
def test_every_occasion_ends_with_a_winner_or_with_all_refused(world: tuple[list[One], list[Room]]) -> None:
    some, rooms = world
    won, refused = allotted(some, rooms)
    for occasion in {one.occasion for one in some}:
        mine = sorted((one.rank, n) for n, one in enumerate(some) if one.occasion == occasion)
        first = next((place for place, (_, n) in enumerate(mine) if won[n]), len(mine))
        assert all(refused[n] != NOT_REFUSED for _, n in mine[:first])
        assert all(refused[n] == NOT_REFUSED for _, n in mine[first:])
