"""Prices of some events: what was asked before is remembered, for customers alike pay alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from dsl.currencies import exponent
from engine.decisions import reasons
from engine.decisions.deeds import NOTHING
from engine.decisions.facts import Priced
from engine.decisions.rule_table import Ints, RuleTable
from engine.online.rows import Row
from engine.pricing.amounts import Amounts, amounts_of
from engine.pricing.quotes import Quote, dated
from engine.pricing.refusals import Refused
from engine.pricing.situations import Reader, Situation, price_list_of

MOST_KEPT = 10_000
"""Amounts that are remembered of a ruleset."""

_Kept = dict[tuple[object, ...], Amounts | Refused]
_KEPT: WeakKeyDictionary[RuleTable, tuple[Reader, _Kept]] = WeakKeyDictionary()


class EventPrices:
    """The prices of offers to rows, each on its local day."""

    def __init__(self, rows: Sequence[Row], days: Sequence[dt.date], rules: RuleTable) -> None:
        self._rows, self._days, self._rules = rows, days, rules
        kept = _KEPT.get(rules)
        self._reader, self._kept = kept or _KEPT.setdefault(rules, (Reader(rules.catalog), {}))

    def priced(self, row: Ints, asked: Ints) -> Priced:
        """See `Prices.priced`."""
        found = [self._amounts(*pair) for pair in zip(row.tolist(), asked.tolist(), strict=True)]
        refused = [one if isinstance(one, Refused) else None for one in found]
        amounts = [None if isinstance(one, Refused) else one for one in found]
        texts = tuple(dict.fromkeys(one.detail for one in refused if one))
        currencies = self._rules.currencies
        return Priced(
            np.array([reasons.NUMBER[one.reason] if one else 0 for one in refused], np.int8),
            np.array([texts.index(one.detail) if one else NOTHING for one in refused], np.int64),
            texts,
            np.array([one.value / 10 ** exponent(one.currency) if one else 0 for one in amounts], np.float64),
            np.array([one.discount_cost if one else 0 for one in amounts], np.int64),
            np.array([currencies.index(one.currency) if one else NOTHING for one in amounts], np.int64),
            currencies,
        )

    def quote(self, row: int, asked: int) -> Quote | None:
        """The whole quote of one offer; None where there is no price."""
        amounts = self._amounts(row, asked)
        if isinstance(amounts, Refused):
            return None
        return dated(self._rules.catalog, amounts, self._situation(row), self._days[row])

    def _amounts(self, row: int, asked: int) -> Amounts | Refused:
        situation, day = self._situation(row), self._days[row]
        said = (situation.plan, situation.interval, situation.currency, situation.price_list)
        key = (asked, day, *said, *situation.quantities.items())
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            offer, product = self._rules.deeds.offers[asked]
            self._kept[key] = amounts_of(self._rules.catalog, offer, product, situation, day)
        return self._kept[key]

    def _situation(self, row: int) -> Situation:
        state = self._rows[row]
        lists = self._rules.catalog.price_lists
        return self._reader.read(
            state, price_list_of(self._rules.catalog, state, lambda name: False) if lists else None
        )
