"""Rows one by one against the same rules: by masks or, where the rules are few and met often, by comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from engine.matching.bound import BoundConjunct
from engine.matching.guards import Guards
from engine.matching.straight import Match, straight
from engine.matching.terms import Row

FEW_CONJUNCTS, FEW_COLUMNS = 64, 30
"""So many alternatives, of so many columns each, are told apart by comparisons sooner than by masks..."""

OFTEN = 2000
"""...which it takes some milliseconds to write out: about what is saved by as many rows."""


class Matcher:
    """`match` finds the numbers of the rules that a row matches, ascending; `by_masks` is how an index finds them."""

    def __init__(self, conjuncts: Sequence[BoundConjunct], guards: Guards, by_masks: Match) -> None:
        self._conjuncts = conjuncts
        self._guards = guards
        self._by_masks = by_masks
        self._matched = 0
        few = len(conjuncts) <= FEW_CONJUNCTS and all(len(one.sets) <= FEW_COLUMNS for one in conjuncts)
        self.match: Match = self._match_few if few else by_masks

    def _match_few(self, row: Row) -> list[int]:
        self._matched += 1
        if self._matched > OFTEN:
            self.match = straight(self._conjuncts, self._guards)
        return self._by_masks(row)
