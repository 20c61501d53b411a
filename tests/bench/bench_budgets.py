"""Candidates for rules with limits, allotted: `python -m tests.bench budgets`

A day's due set: 120,000 customers with three candidates each, the best first, for 20 rules or for 1,000, each with a
limit of customers and a budget. Values fall from candidate to candidate, and a rule's offers cost the same, so a plain
loop over all in the order of their values finds the same winners: the peer, and the proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.budgets.allotting import allot
from engine.budgets.candidates import Bools, Candidates, Room
from tests.bench.measuring import Line, medians, scaled, thousands

CHOICES = 3
COSTS = np.array([0, 500, 720, 1200, 2880, 4400])


def lines(scale: float) -> Iterator[Line]:
    occasions = scaled(120_000, scale, 100)
    for count in (20, 1000):
        yield _allotted(*made_up(occasions, count), count)


def made_up(occasions: int, rules: int) -> tuple[Candidates, list[Room]]:
    """Candidates of one currency; in all, limits have room for about half of what is proposed."""
    rng = np.random.default_rng(7)
    size = occasions * CHOICES
    occasion = np.repeat(np.arange(occasions), CHOICES)
    value = np.sort(rng.random((occasions, CHOICES)) * 100)[:, ::-1].reshape(-1)
    rule = rng.integers(0, rules, size)
    cost = rng.choice(COSTS, rules)[rule]
    rank, tie = np.tile(np.arange(CHOICES), occasions), np.arange(size)
    candidates = Candidates(occasion, rank, value, tie, rule, occasion, np.zeros_like(tie), cost)
    fair = occasions // rules + 1
    rooms = [Room(number, int(rng.integers(fair // 4, fair))) for number in range(rules)]
    rooms += [Room(number, int(rng.integers(fair // 4, fair) * COSTS.mean()), 0) for number in range(rules)]
    return candidates, rooms


def one_by_one(candidates: Candidates, rooms: Sequence[Room]) -> Bools:
    """Who wins, by a loop over all candidates in the order of their values."""
    places = {room.rule: room.left for room in rooms if room.currency is None}
    money = {room.rule: room.left for room in rooms if room.currency is not None}
    names = ("occasion", "rule", "cost")
    occasion, rule, cost = (getattr(candidates, name).tolist() for name in names)
    won, met = np.zeros(len(occasion), bool), set()
    for at in np.lexsort((candidates.tie, -candidates.value)).tolist():
        number, asked = rule[at], cost[at]
        if occasion[at] not in met and places[number] and money[number] >= asked:
            places[number] -= 1
            money[number] -= asked
            met.add(occasion[at])
            won[at] = True
    return won


def _allotted(candidates: Candidates, rooms: Sequence[Room], rules: int) -> Line:
    if not np.array_equal(allot(candidates, rooms).won, one_by_one(candidates, rooms)):
        raise AssertionError("allotment and the plain loop disagree on who wins")
    taken = medians({"carpe": lambda: allot(candidates, rooms), "peer": lambda: one_by_one(candidates, rooms)})
    what = f"{thousands(len(candidates.rank))} candidates for {thousands(rules)} rules with limits, allotted"
    beside = f"as fast as one by one ({taken['peer']:.2f} s)"
    return Line(f"allot.{rules}", what, taken["carpe"], "s", taken["peer"] / taken["carpe"], beside, most=0.5)
