"""Candidates on their way through deciding: what the matches propose, and what holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.decisions.facts import Before, Facts
from engine.decisions.rule_table import NOTHING, Bools, Ints, RuleTable


@dataclass(frozen=True, slots=True)
class Case:
    """All that a stage may read: the rows, the rules, and what was said before."""

    facts: Facts
    rules: RuleTable
    before: Before


@dataclass(slots=True)
class Candidates:
    """A place a candidate in every array; stages write into them.

    `row` is of the batch, `rule` of the table. `product` is a number of the table's products or NOTHING, `channels` are
    bits. `reason` is a number of `reasons.CODES`, 0 while it is free, and `detail` of the table's texts (those of
    `Before.names` follow) or NOTHING.
    """

    row: Ints
    rule: Ints
    product: Ints
    channels: Ints
    reason: npt.NDArray[np.int8]
    detail: Ints

    def hold(self, where: Bools, reason: int | npt.NDArray[np.int8], detail: int | Ints = NOTHING) -> None:
        """Hold the candidates of a mask that nothing holds yet: the first reason stays."""
        fresh = where & (self.reason == 0)
        if fresh.any():
            np.copyto(self.reason, reason, where=fresh, casting="unsafe")
            np.copyto(self.detail, detail, where=fresh)

    def take(self, order: Ints) -> Candidates:
        """Some of them, in another order."""
        return Candidates(
            self.row[order],
            self.rule[order],
            self.product[order],
            self.channels[order],
            self.reason[order],
            self.detail[order],
        )


def propose(case: Case, row: Ints, rule: Ints) -> Candidates:
    """What each match proposes: its rule's first product on its rule's channels, free as yet."""
    count = len(row)
    return Candidates(
        row,
        rule,
        case.rules.products[rule, 0],
        case.rules.via[rule],
        np.zeros(count, np.int8),
        np.full(count, NOTHING, np.int64),
    )
