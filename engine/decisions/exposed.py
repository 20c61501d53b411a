"""Who was exposed to which arm of which experiment by what was decided.

A rule's own experiments count where the rule won, and where it would have won but for them (a ghost). The portfolio's
hold-out is about everything that could be done: each occasion on which any rule matched counts once, by the candidate
that ranks first, whatever became of it; so its two sides are counted alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dsl.typed import Rule
from engine.decisions import reasons
from engine.decisions.decide import Decided
from engine.decisions.facts import Arms
from engine.decisions.rule_table import Ints, RuleTable
from engine.experiments.experiment import HELD_OUT, TREATED, hold_out, portfolio, split
from engine.store.experiments import Exposure

_HOLD_OUT, _CONTROL = reasons.NUMBER[reasons.HOLD_OUT], reasons.NUMBER[reasons.CONTROL]


def exposures(
    decided: Decided, rules: RuleTable, arms: Arms, ids: Sequence[str], customers: Sequence[str]
) -> list[Exposure]:
    """Those of a decided batch. `ids` has the decision of each candidate, `customers` the customer of each row."""
    found = decided.candidates
    made: list[Exposure] = []
    if arms.portfolio is not None:
        salt = portfolio(rules.catalog.policies.hold_out).salt
        first = np.flatnonzero(decided.rank == 0)
        rows = found.row[first]
        for place, row, out in zip(first.tolist(), rows.tolist(), arms.portfolio[rows].tolist(), strict=True):
            made.append(Exposure(salt, ids[place], customers[row], HELD_OUT if out else TREATED, out))
    if not arms.held_out and not arms.arm:
        return made
    ghosts = np.isin(found.reason, (_HOLD_OUT, _CONTROL))
    seen = np.flatnonzero((decided.won | ghosts) & _tried(rules, arms)[found.rule])
    tried = {number: _Tried.of(rules.rules[number], number, arms) for number in np.unique(found.rule[seen]).tolist()}
    columns = (seen, found.row[seen], found.rule[seen], found.reason[seen] == _HOLD_OUT, ghosts[seen])
    for place, row, number, is_out, ghost in zip(*(column.tolist() for column in columns), strict=True):
        for experiment, arm in tried[number].arms(row, is_out=is_out):
            made.append(Exposure(experiment, ids[place], customers[row], arm, ghost))
    return made


def _tried(rules: RuleTable, arms: Arms) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """By rule, whether anything is tried."""
    numbers: Ints = np.array([*arms.held_out, *arms.arm], np.int64)
    found = np.zeros(len(rules.rules), np.bool_)
    found[numbers] = True
    return found


class _Tried(NamedTuple):
    """What is tried of a rule: the salts of its experiments, and of its split the arms' names and each row's place."""

    hold_out: str | None
    split: str
    names: Sequence[str]
    arm: Ints | None

    @staticmethod
    def of(rule: Rule, number: int, arms: Arms) -> _Tried:
        held = hold_out(rule).salt if number in arms.held_out else None
        if number not in arms.arm:
            return _Tried(held, "", (), None)
        one = split(rule)
        return _Tried(held, one.salt, one.arms, arms.arm[number])

    def arms(self, row: int, *, is_out: bool) -> Iterator[tuple[str, str]]:
        """(experiment, arm). Who is held out of a rule is in none of its arms."""
        if self.hold_out is not None:
            yield self.hold_out, HELD_OUT if is_out else TREATED
        if self.arm is not None and not is_out:
            yield self.split, self.names[self.arm[row]]
