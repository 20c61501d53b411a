"""Who was exposed to which arm of which experiment by what was decided.

A rule's own experiments count where the rule won, and where it would have won but for them (a ghost). The portfolio's
hold-out is about everything that could be done: each occasion on which any rule matched counts once, by the candidate
that ranks first, whatever became of it; so its two sides are counted alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        for place in np.flatnonzero(decided.rank == 0).tolist():
            row = int(found.row[place])
            out = bool(arms.portfolio[row])
            made.append(Exposure(salt, ids[place], customers[row], HELD_OUT if out else TREATED, out))
    if not arms.held_out and not arms.arm:
        return made
    ghosts = np.isin(found.reason, (_HOLD_OUT, _CONTROL))
    for place in np.flatnonzero((decided.won | ghosts) & _tried(rules, arms)[found.rule]).tolist():
        row, number = int(found.row[place]), int(found.rule[place])
        is_out = found.reason[place] == _HOLD_OUT
        for experiment, arm in _arms(rules.rules[number], number, arms, row, is_out=bool(is_out)):
            made.append(Exposure(experiment, ids[place], customers[row], arm, bool(ghosts[place])))
    return made


def _tried(rules: RuleTable, arms: Arms) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """By rule, whether anything is tried."""
    numbers: Ints = np.array([*arms.held_out, *arms.arm], np.int64)
    found = np.zeros(len(rules.rules), np.bool_)
    found[numbers] = True
    return found


def _arms(rule: Rule, number: int, arms: Arms, row: int, *, is_out: bool) -> Iterator[tuple[str, str]]:
    """(experiment, arm). Who is held out of a rule is in none of its arms."""
    if number in arms.held_out:
        yield hold_out(rule).salt, HELD_OUT if is_out else TREATED
    if number in arms.arm and not is_out:
        one = split(rule)
        yield one.salt, one.arms[int(arms.arm[number][row])]
