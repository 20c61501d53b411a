"""What rules with limits take of all that is proposed to them, all rules at once; `allotting` says why. Pure.

Candidates are known by their place in the order of values. Tables here have a row for each limit of a rule, as many as
the rule with most has (a limit that a rule does not have has room for everything), and a column for each candidate,
sorted by rule and then by place: numpy is faster along long rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.budgets.candidates import NOT_REFUSED, OTHER_CURRENCY, Bools, Candidates, Ints, Room

_MOST = 2**62
_NOBODY = np.empty(0, np.int64)


class LimitedRules:
    """What rules with limits hold so far."""

    def __init__(self, candidates: Candidates, rooms: Sequence[Room], repeated: bool) -> None:
        """`repeated`: a customer has several occasions, so that a rule may be proposed twice for one of them."""
        self._names = np.unique(np.array([room.rule for room in rooms], np.int64))
        self._rule = np.searchsorted(self._names, candidates.rule)
        self.listening = np.isin(candidates.rule, self._names)
        self._most = _MOST // max(len(candidates.rank), 1)  # sums of so much do not overflow
        self._lay_out(rooms)
        self._ask(candidates, rooms)
        self._customer = np.unique(candidates.customer, return_inverse=True)[1] if repeated else None
        self._held = _NOBODY
        self._closed = _Closed(len(candidates.rank), len(self._names))

    def _lay_out(self, rooms: Sequence[Room]) -> None:
        """What is left, and each limit's number among those given; by row and rule."""
        self._row = np.zeros(len(rooms), np.int64)
        self._rule_of = np.searchsorted(self._names, [room.rule for room in rooms])
        count = np.zeros(len(self._names), np.int64)
        for number, rule in enumerate(self._rule_of):
            self._row[number] = count[rule]
            count[rule] += 1
        shape = int(count.max(initial=0)), len(self._names)
        self._left = np.full(shape, self._most, np.int64)
        self._told = np.zeros((shape[0] + 2, shape[1]), np.int64)
        self._told[OTHER_CURRENCY], self._told[NOT_REFUSED] = OTHER_CURRENCY, NOT_REFUSED  # counted from the end
        self._counts_customers = np.zeros(shape, bool)
        for number, room in enumerate(rooms):
            at = self._row[number], self._rule_of[number]
            self._left[at] = min(max(room.left, 0), self._most)
            self._told[at] = number
            self._counts_customers[at] = room.currency is None

    def _ask(self, candidates: Candidates, rooms: Sequence[Room]) -> None:
        """What each candidate asks of each limit, and who asks for money of which its rule has none to give."""
        self._asked = np.zeros((len(self._left), len(candidates.rank)), np.int64)
        has_money, has_this = (np.zeros(len(candidates.rank), bool) for _ in range(2))
        by_rule = np.argsort(self._rule, kind="stable")
        bounds = np.searchsorted(self._rule[by_rule], np.arange(len(self._names) + 1))
        for room, row, rule in zip(rooms, self._row, self._rule_of, strict=True):
            mine = by_rule[bounds[rule] : bounds[rule + 1]]
            if room.currency is not None:
                same = candidates.currency[mine] == room.currency
                self._asked[row, mine] = np.where(same, candidates.cost[mine], 0)
                has_money[mine], has_this[mine] = True, has_this[mine] | same
            else:
                counted = _NOBODY if room.counted is None else room.counted
                self._asked[row, mine] = ~np.isin(candidates.customer[mine], counted)
        self._no_budget = has_money & ~has_this & (candidates.cost > 0)

    def choose(self, new: Ints) -> tuple[Ints, Ints]:
        """Holds what fits of the new proposals and those held before; who is refused, and by which limit."""
        busy = np.zeros(len(self._names), bool)
        busy[self._rule[new]] = True
        again = busy[self._rule[self._held]]
        places = np.concatenate([self._held[again], new])
        rule, places = np.divmod(np.sort(self._rule[places] * len(self._rule) + places), len(self._rule))
        costs = self._costs(places, rule)
        by = np.where(self._no_budget[places], OTHER_CURRENCY, NOT_REFUSED)
        shut = self._closed.to(rule, places, costs)
        by = np.where((by == NOT_REFUSED) & shut.any(axis=0), shut.argmax(axis=0), by)
        open_ = np.flatnonzero(by == NOT_REFUSED)
        by[open_] = _fill(costs[:, open_], rule[open_], self._left)
        full = np.flatnonzero(by >= 0)
        self._closed.close(rule[full], by[full], places[full], costs[by[full], full])
        refused = by != NOT_REFUSED
        self._held = np.concatenate([self._held[~again], places[~refused]])
        return places[refused], self._told[by, rule][refused]

    def to_count_again(self, refused: Ints) -> Ints:
        """Of the customers refused, those with another candidate for the rule: it now takes a place of its own."""
        if self._customer is None or not len(refused):
            return _NOBODY
        pair = self._rule * (self._customer.max() + 1) + self._customer
        again = np.isin(pair[self._held], pair[refused])
        found, self._held = self._held[again], self._held[~again]
        return found

    def _costs(self, places: Ints, rule: Ints) -> Ints:
        """What each takes of each limit: of a customer's candidates for a rule, only the first takes a place."""
        asked = self._asked[:, places]
        if self._customer is None:
            return asked
        customer = self._customer[places]
        order = np.lexsort((places, customer, rule))
        first = np.zeros(len(places), bool)
        first[order] = _starts(rule[order]) | _starts(customer[order])
        return np.where(self._counts_customers[:, rule] & ~first, 0, asked)


class _Closed:
    """To what limits are closed: from a place of the order on, to whatever asks for so much or more.

    Kept as stairs, one limit after the other: within one, later places have lower amounts.
    """

    def __init__(self, places: int, rules: int) -> None:
        self._places, self._rules = places, rules
        self._key, self._amount = _NOBODY, _NOBODY  # the limit and the place in one number

    def to(self, rule: Ints, places: Ints, amounts: Ints) -> Bools:
        """Limit by limit and candidate by candidate."""
        if not len(self._key):
            return np.zeros(amounts.shape, bool)
        limit = np.arange(len(amounts))[:, None] * self._rules + rule
        step = np.searchsorted(self._key, limit * self._places + places, side="right") - 1
        same = (step >= 0) & (self._key[step] // self._places == limit)
        shut: Bools = same & (amounts > 0) & (amounts >= self._amount[step])
        return shut

    def close(self, rule: Ints, row: Ints, places: Ints, amounts: Ints) -> None:
        key = np.concatenate([self._key, (row * self._rules + rule) * self._places + places])
        amount = np.concatenate([self._amount, amounts])
        order = np.argsort(key, kind="stable")
        key, amount = key[order], amount[order]
        steps = _starts(key // self._places) | (np.diff(amount, prepend=_MOST) < 0)  # others are no step for sure
        key, amount = key[steps], amount[steps]
        if not len(key):
            return
        values, size = np.unique(amount, return_inverse=True)
        limit = key // self._places
        depth = limit * len(values)
        least = np.minimum.accumulate(size - depth) + depth  # each limit's numbers lie below all of those before it
        steps = _starts(limit) | (np.diff(least, prepend=len(values)) < 0)
        self._key, self._amount = key[steps], values[least[steps]]


def _fill(costs: Ints, rule: Ints, left: Ints) -> Ints:
    """One by one while a rule has room for all that each takes: the first row without it, else NOT_REFUSED."""
    kept = _fitting(costs, rule, left)
    used = _running(np.where(kept, costs, 0), rule)
    over = costs > left[:, rule] - used  # at its own turn, for what is not kept adds nothing to `used`
    return np.where(kept, NOT_REFUSED, over.argmax(axis=0)) if len(rule) else _NOBODY


def _fitting(costs: Ints, rule: Ints, left: Ints) -> Bools:
    """Who is kept. All of a rule up to its first that does not fit are taken at once; what is left only falls, so what
    does not fit now never will.
    """
    left = left.copy()
    kept = np.zeros(len(rule), bool)
    some = np.arange(len(rule))
    while (some := some[(costs[:, some] <= left[:, rule[some]]).all(axis=0)]).size:
        theirs = rule[some]
        total = _running(costs[:, some], theirs)
        over = np.asarray((total > left[:, theirs]).any(axis=0))
        past = _running(over.astype(np.int64), theirs) > 0
        kept[some[~past]] = True
        first = np.flatnonzero(_starts(theirs))
        last = first + np.add.reduceat(~past, first, dtype=np.int64) - 1  # the first of a rule always fits
        left[:, theirs[first]] -= total[:, last]
        some = some[past]
    return kept


def _starts(values: Ints) -> Bools:
    """Where there is another value than before."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _running(values: Ints, rule: Ints) -> Ints:
    """Sums along each rule, in every row."""
    total = values.cumsum(axis=-1)
    first = np.flatnonzero(_starts(rule))
    length = np.diff(first, append=len(rule))
    return total - np.repeat(total[..., first] - values[..., first], length, axis=-1)
