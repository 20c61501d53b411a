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
from engine.pricing.amounts import Amounts
from engine.pricing.pricer import Pricer
from engine.pricing.refusals import Refused

_KEPT: WeakKeyDictionary[RuleTable, Pricer] = WeakKeyDictionary()


class EventPrices:
    """The prices of offers to rows, each on its local day."""

    def __init__(self, rows: Sequence[Row], days: Sequence[dt.date], rules: RuleTable) -> None:
        self._rows, self._days, self._rules = rows, days, rules
        self._pricer = _KEPT.get(rules) or _KEPT.setdefault(rules, Pricer(rules.catalog))

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

    def amounts(self, row: int, asked: int) -> Amounts:
        """The amounts of one offer that has a price."""
        found = self._amounts(row, asked)
        assert isinstance(found, Amounts)
        return found

    def _amounts(self, row: int, asked: int) -> Amounts | Refused:
        offer, product = self._rules.deeds.offers[asked]
        return self._pricer.amounts(offer, product, self._pricer.situation(self._rows[row]), self._days[row])
