"""Prices of a batch: each distinct combination of offer and situation is quoted once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from dsl.currencies import exponent
from engine.decisions import reasons
from engine.decisions.deeds import NOTHING
from engine.decisions.facts import Priced
from engine.decisions.rule_table import Ints, RuleTable
from engine.pricing.amounts import Amounts
from engine.pricing.columns import Quotes, Situations, quotes
from engine.pricing.refusals import Refused


class BatchPrices:
    """The prices of offers to the rows of a batch. `day` is each row's local day, as an ordinal."""

    def __init__(self, batch: pa.Table, rules: RuleTable, day: Ints) -> None:
        self._batch, self._rules, self._day = batch, rules, day

    @cached_property
    def _situations(self) -> Situations:
        return Situations(self._rules.catalog, self._batch)

    def priced(self, row: Ints, asked: Ints) -> Priced:
        """See `Prices.priced`."""
        size = len(row)
        found = Priced(
            np.zeros(size, np.int8),
            np.full(size, NOTHING, np.int64),
            (),
            np.zeros(size),
            np.zeros(size, np.int64),
            np.full(size, NOTHING, np.int64),
            (),
        )
        texts: dict[str, int] = {}
        for mine, quoted in self._by_day(row, asked):
            _fill(found, mine, quoted, texts, self._rules.currencies)
        return Priced(
            found.reason, found.detail, tuple(texts), found.value, found.cost, found.currency, self._rules.currencies
        )

    def amounts(self, row: Ints, asked: Ints) -> tuple[Ints, list[Amounts]]:
        """For rows, each with an offer that has a price: the number of its amounts, and the distinct amounts."""
        number, distinct = np.zeros(len(row), np.int64), list[Amounts]()
        for mine, quoted in self._by_day(row, asked):
            which, some = quoted.distinct()
            number[mine] = which + len(distinct)
            distinct += some
        return number, distinct

    def _by_day(self, row: Ints, asked: Ints) -> Iterator[tuple[Ints, Quotes]]:
        days = self._day[row]
        for day in np.unique(days).tolist():
            mine = np.flatnonzero(days == day)
            offers, on = self._rules.deeds.offers, dt.date.fromordinal(day)
            yield mine, quotes(self._situations, offers, row[mine], asked[mine], on)


def _fill(found: Priced, mine: Ints, quoted: Quotes, texts: dict[str, int], currencies: Sequence[str]) -> None:
    """Write one day's quotes into their places."""
    alone = quoted.alone
    refused = [one if isinstance(one, Refused) else None for one in alone]
    codes = np.array([reasons.NUMBER[one.reason] if one else 0 for one in refused], np.int8)
    details = [texts.setdefault(one.detail, len(texts)) if one else NOTHING for one in refused]
    units = [10.0 ** exponent(one.currency) if isinstance(one, Amounts) else 1.0 for one in alone]
    currency = [currencies.index(one.currency) if isinstance(one, Amounts) else NOTHING for one in alone]
    found.reason[mine] = codes[quoted.offered]
    found.detail[mine] = np.array(details, np.int64)[quoted.offered]
    found.value[mine] = quoted.value() / np.array(units)[quoted.offered]
    found.cost[mine] = quoted.minor("discount_cost")
    found.currency[mine] = np.array(currency, np.int64)[quoted.offered]
