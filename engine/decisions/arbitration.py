"""Arbitration: of the free candidates of an occasion, which contacts are made?

In rank order each contact takes a place (a *slot*) on each of its channels: a channel has as many an occasion as the
catalog's `slots` say, and all channels that are not named there share one. A channel without a place left is dropped;
a contact that has none left is outranked by the one that ranked first. So without `slots` one contact wins.

Global limits come into it round by round: in each round every occasion proposes what ranks first, limited rules take
the highest values (`engine.budgets`), and whom they refuse proposes the next. What would have won but for an experiment
(a *ghost*) takes no place: it is held out where it would have won, and others compete as if it were not there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from engine.budgets.allotting import allot
from engine.budgets.candidates import NOT_REFUSED, OTHER_CURRENCY
from engine.budgets.candidates import Candidates as Limited
from engine.budgets.refusals import NO_BUDGET
from engine.decisions import reasons
from engine.decisions.candidates import Candidates, Case
from engine.decisions.facts import Limits
from engine.decisions.numbering import since_first
from engine.decisions.rule_table import Ints

_OUTRANKED, _NO_BUDGET = reasons.NUMBER[reasons.OUTRANKED], reasons.NUMBER[NO_BUDGET]


def arbitrate(ranked: Candidates, case: Case, occasion: Ints) -> Ints:
    """The slot of each candidate (by occasion and rank), from 1 on, 0 for those that did not win.

    Holds those that are outranked or refused by a limit, and those that an experiment holds out.
    """
    slot = np.zeros(len(ranked), np.int64)
    contacts = (ranked.reason == 0) & case.rules.deeds.is_contact[ranked.deed]
    ghosts = np.flatnonzero(contacts & (ranked.ghost != 0))
    competing = np.flatnonzero(contacts & (ranked.ghost == 0))
    if len(case.rules.slots.counts) == 1 and case.before.limits is None:
        winner = _first_wins(ranked, occasion, competing, slot)
    else:
        winner = _in_rounds(ranked, case, occasion, competing, slot)
    if ghosts.size:
        _hold_ghosts(ranked, case, occasion, slot, ghosts)
    lost = np.flatnonzero((ranked.reason == 0) & contacts & (slot == 0))
    ranked.reason[lost] = _OUTRANKED
    ranked.detail[lost] = case.rules.name_text + ranked.rule[winner[occasion[lost]]]
    return slot


def _first_wins(ranked: Candidates, occasion: Ints, competing: Ints, slot: Ints) -> Ints:
    """The usual case: one contact an occasion, and nothing limited. By occasion the place of its winner, else -1."""
    winners = competing[since_first(occasion[competing]) == 0]
    slot[winners] = 1
    return _by_occasion(occasion, winners)


def _by_occasion(occasion: Ints, winners: Ints) -> Ints:
    found = np.full(int(occasion.max(initial=-1)) + 1, -1, np.int64)
    found[occasion[winners[::-1]]] = winners[::-1]  # of several the first is written last
    return found


# --- slots and limits ------------------------------------------------------------------------------------------------


def _in_rounds(ranked: Candidates, case: Case, occasion: Ints, competing: Ints, slot: Ints) -> Ints:
    """Gives out slots until nobody competes; by occasion the place of its first winner, else -1."""
    left = np.tile(case.rules.slots.counts, (int(occasion.max(initial=-1)) + 1, 1))
    made = np.zeros(len(left), np.int64)
    first = np.full(len(left), -1, np.int64)
    limited = _Limited(ranked, case.before.limits, occasion) if case.before.limits is not None else None
    while competing.size:
        open_ = np.where(left > 0, case.rules.slots.bits, 0).sum(axis=1)
        narrowed = ranked.channels[competing] & open_[occasion[competing]]
        competing, narrowed = competing[narrowed != 0], narrowed[narrowed != 0]
        won = _round(competing, occasion) if limited is None else limited.round(competing, case)
        winners, of = competing[won], occasion[competing[won]]
        ranked.channels[winners] = narrowed[won]
        left[of] -= (narrowed[won][:, None] & case.rules.slots.bits) != 0
        made[of] += 1
        slot[winners] = made[of]
        first[of] = np.where(made[of] == 1, winners, first[of])
        competing = competing[~won & (ranked.reason[competing] == 0)]
    return first


def _round(competing: Ints, occasion: Ints) -> npt.NDArray[np.bool_]:
    return np.equal(since_first(occasion[competing]), 0)


class _Limited:
    """Rounds in which some rules take only as much as is left of their limits."""

    def __init__(self, ranked: Candidates, limits: Limits, occasion: Ints) -> None:
        self._ranked, self._limits, self._occasion = ranked, limits, occasion
        self._rooms = list(limits.rooms)

    def round(self, competing: Ints, case: Case) -> npt.NDArray[np.bool_]:
        """Which of the competing win; those that a limit refuses are held."""
        ranked, limits = self._ranked, self._limits
        customer = limits.customer[ranked.row[competing]]
        asked = Limited(
            self._occasion[competing],
            competing,
            ranked.score[competing],
            customer,
            ranked.rule[competing],
            customer,
            ranked.currency[competing],
            ranked.cost[competing],
        )
        result = allot(asked, self._rooms)
        won: npt.NDArray[np.bool_] = result.won
        self._take(asked.take(np.flatnonzero(result.won)))
        self._refuse(competing, result.refused_by, case)
        return won

    def _take(self, won: Limited) -> None:
        for number, room in enumerate(self._rooms):
            mine = won.rule == room.rule
            if room.currency is not None:
                used = int(won.cost[mine & (won.currency == room.currency)].sum())
                self._rooms[number] = replace(room, left=room.left - used)
            else:
                counted = np.zeros(0, np.int64) if room.counted is None else room.counted
                new = np.setdiff1d(won.customer[mine], counted)
                self._rooms[number] = replace(room, left=room.left - len(new), counted=np.union1d(counted, new))

    def _refuse(self, competing: Ints, by: Ints, case: Case) -> None:
        refused = by != NOT_REFUSED
        if not refused.any():
            return
        first, currencies = case.told(self._limits.names), case.told(case.rules.currencies)
        mine, by = competing[refused], by[refused]
        foreign = by == OTHER_CURRENCY
        self._ranked.reason[mine] = np.where(foreign, _NO_BUDGET, self._limits.reasons[by])
        self._ranked.detail[mine] = np.where(foreign, self._ranked.currency[mine] + currencies, by + first)


# --- ghosts ----------------------------------------------------------------------------------------------------------


def _hold_ghosts(ranked: Candidates, case: Case, occasion: Ints, slot: Ints, ghosts: Ints) -> None:
    """Hold out those that would have had a place at their turn; the others are outranked like anybody."""
    bits, counts = case.rules.slots.bits, case.rules.slots.counts
    takes = ((ranked.channels[:, None] & bits) != 0) & (slot > 0)[:, None]
    before = np.cumsum(takes, axis=0) - takes
    start = np.searchsorted(occasion, occasion[ghosts])
    open_ = np.where(before[ghosts] - before[start] < counts, bits, 0).sum(axis=1)
    free = (ranked.channels[ghosts] & open_) != 0
    ranked.reason[ghosts[free]] = ranked.ghost[ghosts[free]]
