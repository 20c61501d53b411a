"""Candidates on their way through deciding: what the matches propose, and what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from engine.decisions import reasons
from engine.decisions.deeds import NOTHING
from engine.decisions.facts import Before, Facts, Floats
from engine.decisions.rule_table import Bools, Ints, RuleTable

_HOLD_OUT, _CONTROL = reasons.NUMBER[reasons.HOLD_OUT], reasons.NUMBER[reasons.CONTROL]


@dataclass(frozen=True, slots=True)
class Case:
    """All that a stage may read: the rows, the rules, and what was said before.

    `more` are the texts of details that show while deciding; they follow those of the rules and of what was before.
    """

    facts: Facts
    rules: RuleTable
    before: Before
    more: list[str] = field(default_factory=list)

    @property
    def texts(self) -> tuple[str, ...]:
        """What details are about, by their numbers."""
        return (*self.rules.texts, *self.before.names, *self.more)

    def told(self, texts: Sequence[str]) -> int:
        """The number of the first of some new texts; the others follow."""
        first = len(self.rules.texts) + len(self.before.names) + len(self.more)
        self.more.extend(texts)
        return first


@dataclass(slots=True)
class Candidates:
    """A place a candidate in every array; stages write into them.

    `row` is of the batch, `rule` of the table, `deed` of its deeds. `option` is the place of the product among those of
    the offer, `product` its number or NOTHING, `asked` a number of `Deeds.offers` or NOTHING. `channels` are bits.
    `reason` is a number of `reasons.CODES`, 0 while it is free, and `detail` of `Case.texts` or NOTHING. `ghost` is the
    reason for which it is not made though it may win, 0 for none. `score` is what arbitration goes by, `value` what the
    offer brings (both in major units), `cost` what it gives away in minor units of `currency`, -1 for none.
    """

    row: Ints
    rule: Ints
    deed: Ints
    option: Ints
    product: Ints
    asked: Ints
    channels: Ints
    reason: npt.NDArray[np.int8]
    detail: Ints
    ghost: npt.NDArray[np.int8]
    score: Floats
    value: Floats
    cost: Ints
    currency: Ints

    def __len__(self) -> int:
        return len(self.row)

    def hold(self, where: Bools, reason: int | npt.NDArray[np.int8], detail: int | Ints = NOTHING) -> None:
        """Hold the candidates of a mask that nothing holds yet: the first reason stays."""
        fresh = where & (self.reason == 0)
        if fresh.any():
            np.copyto(self.reason, reason, where=fresh, casting="unsafe")
            np.copyto(self.detail, detail, where=fresh)

    def take(self, order: Ints) -> Candidates:
        """Some of them, in another order."""
        return Candidates(*(getattr(self, name)[order] for name in _ARRAYS))


_ARRAYS = tuple(each.name for each in fields(Candidates))


def propose(case: Case, row: Ints, rule: Ints) -> Candidates:
    """What each match proposes, free as yet: each product of what its rule does for the row, on the rule's channels."""
    deeds = case.rules.deeds
    deed, ghost = _deeds(case, row, rule)
    option = np.zeros(len(row), np.int64)
    if deeds.most_options > 1:
        count = deeds.options[deed]
        match = np.repeat(np.arange(len(row)), count)
        option = np.arange(len(match)) - np.repeat(np.cumsum(count) - count, count)
        row, rule, deed, ghost = row[match], rule[match], deed[match], ghost[match]
    size = len(row)
    zero, nothing = np.zeros(size), np.full(size, NOTHING, np.int64)
    return Candidates(
        row,
        rule,
        deed,
        option,
        deeds.products[deed, option],
        deeds.asked[deed, option],
        case.rules.via[rule],
        np.zeros(size, np.int8),
        nothing,
        ghost,
        zero,
        zero.copy(),
        np.zeros(size, np.int64),
        nothing.copy(),
    )


def _deeds(case: Case, row: Ints, rule: Ints) -> tuple[Ints, npt.NDArray[np.int8]]:
    """What the rule of each match does for its row, and why that is only what it would have done."""
    arms = case.before.arms
    ghost = np.zeros(len(row), np.int8)
    deed = rule
    for number, arm in arms.arm.items():
        mine = np.flatnonzero(rule == number)
        if mine.size:
            deed = deed.copy() if deed is rule else deed
            of_rule = case.rules.deeds.arms[number]
            deed[mine] = of_rule[arm[row[mine]]]
            ghost[mine[arm[row[mine]] == len(of_rule) - 1]] = _CONTROL
    for number, out in arms.held_out.items():
        mine = np.flatnonzero(rule == number)
        ghost[mine[out[row[mine]]]] = _HOLD_OUT
    return deed, ghost
