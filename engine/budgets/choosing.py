"""What one rule with limits takes of all that is proposed to it; `allotting` says how it fits together. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.budgets.candidates import NOT_REFUSED, OTHER_CURRENCY, Bools, Candidates, Ints, Room

_MOST = np.iinfo(np.int64).max


class LimitedRule:
    """What one rule holds so far. Candidates are known by their place in the order of values.

    `repeated`: some customer has several occasions, so that one of them may be proposed twice here.
    """

    def __init__(self, candidates: Candidates, rooms: Sequence[Room], numbers: Sequence[int], repeated: bool) -> None:
        self._all = candidates
        self._rooms = [rooms[number] for number in numbers]
        self._told = np.array([*numbers, OTHER_CURRENCY, NOT_REFUSED], np.int64)  # indexed from the end by these two
        self._left = np.array([max(room.left, 0) for room in self._rooms], np.int64)
        self._held = np.empty(0, np.int64)
        self._closed = [_Closed() for _ in numbers]
        self._repeated = repeated
        self._currencies = [room.currency for room in self._rooms if room.currency is not None]

    def choose(self, new: Ints) -> tuple[Ints, Ints]:
        """Holds what fits of the new proposals and those held before; who is refused, and by which limit."""
        places = np.sort(np.concatenate([self._held, new]))
        costs = self._costs(places)
        by = np.where(self._has_no_budget(places), OTHER_CURRENCY, NOT_REFUSED)
        for number, closed in enumerate(self._closed):
            by[(by == NOT_REFUSED) & closed.to(places, costs[:, number])] = number
        open_ = np.flatnonzero(by == NOT_REFUSED)
        by[open_] = _fill(costs[open_], self._left)
        for number, closed in enumerate(self._closed):
            closed.close(places[by == number], costs[by == number, number])
        self._held = places[by == NOT_REFUSED]
        refused = by != NOT_REFUSED
        return places[refused], self._told[by[refused]]

    def to_count_again(self, refused: Ints) -> Ints:
        """Of the customers refused, those with another candidate here, which now has to take a place of its own."""
        if not self._repeated or not len(refused):
            return np.empty(0, np.int64)
        again = np.isin(self._all.customer[self._held], self._all.customer[refused])
        found, self._held = self._held[again], self._held[~again]
        return found

    def _costs(self, places: Ints) -> Ints:
        """What each place takes of each limit, one column a limit."""
        cost, currency, customer = (each[places] for each in (self._all.cost, self._all.currency, self._all.customer))
        first = self._firsts(customer)
        columns = []
        for room in self._rooms:
            if room.currency is not None:
                columns.append(np.where(currency == room.currency, cost, 0))
            elif room.counted is not None:
                columns.append(np.where(np.isin(customer, room.counted), 0, first))
            else:
                columns.append(first)
        return np.stack(columns, axis=1)

    def _firsts(self, customer: Ints) -> Ints:
        """1 for the first place of a customer, 0 for others."""
        if not self._repeated:
            return np.ones(len(customer), np.int64)
        first = np.zeros(len(customer), np.int64)
        first[np.unique(customer, return_index=True)[1]] = 1
        return first

    def _has_no_budget(self, places: Ints) -> Bools:
        if not self._currencies:
            return np.zeros(len(places), bool)
        return (self._all.cost[places] > 0) & ~np.isin(self._all.currency[places], self._currencies)


class _Closed:
    """To what a limit is closed: from a place of the order on, to whatever asks for so much or more.

    Kept as stairs: later places have lower amounts.
    """

    def __init__(self) -> None:
        self._place, self._amount = np.empty(0, np.int64), np.empty(0, np.int64)

    def to(self, places: Ints, amounts: Ints) -> Bools:
        if not len(self._place):
            return np.zeros(len(places), bool)
        step = np.searchsorted(self._place, places, side="right") - 1
        least = np.where(step >= 0, self._amount[step], _MOST)
        return (amounts > 0) & (amounts >= least)

    def close(self, places: Ints, amounts: Ints) -> None:
        place, amount = np.concatenate([self._place, places]), np.concatenate([self._amount, amounts])
        order = np.lexsort((amount, place))
        place, amount = place[order], np.minimum.accumulate(amount[order])
        steps = np.append(True, amount[1:] < amount[:-1])[: len(place)]
        self._place, self._amount = place[steps], amount[steps]


def _fill(costs: Ints, left: Ints) -> Ints:
    """Row by row while there is room for all that the row takes: the first column without it, else NOT_REFUSED."""
    kept = _fitting(costs, left)
    used = np.where(kept[:, None], costs, 0).cumsum(axis=0)
    over = costs > left - used  # at the row's own turn, for a row that is not kept adds nothing to `used`
    return np.where(kept, NOT_REFUSED, over.argmax(axis=1))


def _fitting(costs: Ints, left: Ints) -> Bools:
    """Which rows are kept. All up to the first that does not fit are taken at once; what is left only falls, so a row
    that does not fit now never will.
    """
    kept = np.zeros(len(costs), bool)
    rows = np.arange(len(costs))
    while (rows := rows[(costs[rows] <= left).all(axis=1)]).size:
        at_once = rows[: _MOST // max(int(costs[rows].max()), 1)]  # their sum cannot overflow
        total = costs[at_once].cumsum(axis=0)
        fits = np.asarray((total <= left).all(axis=1))
        count = int(np.append(fits, False).argmin())
        kept[at_once[:count]] = True
        left = left - total[count - 1]
        rows = rows[count:]
    return kept
