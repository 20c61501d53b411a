"""Quotes for a whole batch: each distinct combination of offer and situation is worked out once.

A row's situation is a few small columns: plan, interval, currency, price list and, where the price of what is offered
or held depends on one, a quantity. So a batch of hundreds of thousands has some thousand of them at most. They are
numbered by coding each column and combining the codes. Nothing of an amount depends on the day of a bill; the dates of
a quote are made for the rows that show one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.currencies import EXPONENTS
from dsl.datatypes import Money, Value
from dsl.typed import Offer
from engine.pricing.amounts import Amounts, Held, amounts_alone, held_by, instead_of
from engine.pricing.quotes import Quote, dated
from engine.pricing.refusals import Refused
from engine.pricing.situations import CURRENCY, INTERVAL, PLAN, SEGMENT, Reader, Situation, quantities_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SPARSE = 16
"""So many possible codes a row are looked up in a table; more are sorted."""

_LARGEST = 2**62


class Situations:
    """The situations of a batch, as codes: `plain` is what every price depends on, `plan` the plan held, and `counted`
    by key what some prices depend on.

    `batch` has the columns of `situations.reads` and those of `price_facts`; a row is in no segment that is not told.
    """

    def __init__(self, catalog: Catalog, batch: pa.Table) -> None:
        self.catalog, self.batch = catalog, batch
        self.reader = Reader(catalog)
        self.lists = _price_lists(catalog, batch)
        billed = [name for name in (INTERVAL, CURRENCY) if name in batch.column_names]
        self.plain, _ = numbered([self.lists + 1, *(_coded(batch[name]) for name in billed)], batch.num_rows)
        self.plan = _coded(batch[PLAN])
        self.counted = {key: self._quantity(key) for key in self.reader.quantities if key in batch.column_names}
        names = [PLAN, *billed, *self.counted, *(f"{key}.currency" for key in self.counted), self.reader.anchor]
        self._names = [name for name in names if name in batch.column_names]

    def _quantity(self, key: str) -> Ints:
        names = (name for name in (key, f"{key}.currency") if name in self.batch.column_names)
        return numbered([_coded(self.batch[name]) for name in names], self.batch.num_rows)[0]

    def held_counts(self, key: str) -> Bools:
        """Of each row, whether the price of the plan held depends on the quantity."""
        plans = [name for name in self.catalog.plans if key in quantities_of(self.catalog, name)]
        return np.asarray(pc.is_in(self.batch[PLAN].cast(pa.string()), pa.array(plans, pa.string())), bool)

    def at(self, rows: Ints) -> list[Situation]:
        """Those of some rows."""
        found = self.batch.select(self._names).take(pa.array(rows)).to_pylist()
        return [self._situation(*each) for each in zip(found, self.lists[rows].tolist(), strict=True)]

    def _situation(self, found: dict[str, Any], number: int) -> Situation:
        row: dict[str, Value | None] = dict(found)
        for key in self.counted:
            if row[key] is not None and f"{key}.currency" in found:
                row[key] = Money(found[key], found[f"{key}.currency"])
        return self.reader.read(row, list(self.catalog.price_lists)[number] if number >= 0 else None)


@dataclass(frozen=True, slots=True)
class Quotes:
    """Of candidate i: its row of the batch, what it is offered, `alone[offered[i]]` as if no plan were held, or why it
    has no price, and the plan that is held, `plans[held[i]]`.
    """

    situations: Situations
    row: Ints
    offered: Ints
    alone: tuple[Amounts | Refused, ...]
    held: Ints
    plans: tuple[Held | None, ...]

    def refused(self) -> Bools:
        return np.array([isinstance(one, Refused) for one in self.alone], bool)[self.offered]

    def minor(self, name: str) -> Ints:
        """A sum of the amounts that no plan held changes (`price`, `saving`, `discount_cost`), 0 for the refused."""
        each = [0 if isinstance(one, Refused) else int(getattr(one, name)) for one in self.alone]
        return _bounded(each)[self.offered]

    def value(self) -> Ints:
        """What each is worth, 0 for the refused: the margin, less that of the plan which it replaces."""
        numbers = {currency: number for number, currency in enumerate(EXPONENTS)}
        replaces = [numbers[one.currency] if isinstance(one, Amounts) and one.is_for_plan else -1 for one in self.alone]
        currency = [numbers.get(one.currency, -2) if one is not None else -2 for one in self.plans]
        margin = _bounded([one.margin if one is not None else 0 for one in self.plans])
        same = np.array(replaces, np.int64)[self.offered] == np.array(currency, np.int64)[self.held]
        return self.minor("margin") - np.where(same, margin[self.held], 0)

    def distinct(self) -> tuple[Ints, list[Amounts]]:
        """The whole amounts of candidates none of which is refused: the number of each one's, and the distinct ones."""
        pairs, which = np.unique(self.offered * len(self.plans) + self.held, return_inverse=True)
        found = []
        for pair in pairs.tolist():
            alone = self.alone[pair // len(self.plans)]
            assert isinstance(alone, Amounts)
            found.append(instead_of(alone, self.plans[pair % len(self.plans)]))
        return which.reshape(-1), found

    def quote(self, candidate: int, day: dt.date) -> Quote | Refused:
        """The whole quote of one candidate, with its dates."""
        alone = self.alone[self.offered[candidate]]
        if isinstance(alone, Refused):
            return alone
        (situation,) = self.situations.at(self.row[[candidate]])
        amounts = instead_of(alone, self.plans[self.held[candidate]])
        return dated(self.situations.catalog, amounts, situation, day)


def _bounded(amounts: Sequence[int]) -> Ints:
    """As 64-bit numbers of which two may be added."""
    return np.array([min(max(one, -_LARGEST), _LARGEST) for one in amounts], np.int64)


def quotes(situations: Situations, asked: Sequence[tuple[Offer, str]], row: Ints, which: Ints, day: dt.date) -> Quotes:
    """The amounts of candidates: candidate i is `asked[which[i]]`, an offer and its product, for `row[i]`.

    1. Number what is offered to whom, leaving the plan held aside; work each out. 2. Number the plans held; work each
    out. What one has of both is then a subtraction of columns.
    """
    catalog = situations.catalog
    offered, first = numbered(_offered(situations, asked, row, which), len(row))
    each = zip(which[first].tolist(), situations.at(row[first]), strict=True)
    pairs = ((*asked[number], situation) for number, situation in each)
    alone = tuple(amounts_alone(catalog, offer, product, situation, day) for offer, product, situation in pairs)
    held, first = numbered(_held(situations), len(situations.plan))
    plans = tuple(held_by(catalog, situation) for situation in situations.at(first))
    return Quotes(situations, row, offered, alone, held[row], plans)


def _offered(situations: Situations, asked: Sequence[tuple[Offer, str]], row: Ints, which: Ints) -> list[Ints]:
    """The offer, who is billed how, and the quantities that count for the product or what comes with it."""
    same = {pair: number for number, pair in reversed(list(enumerate(asked)))}
    columns = [np.array([same[pair] for pair in asked], np.int64)[which], situations.plain[row]]
    for key, code in situations.counted.items():
        products = [(product, *offer.extras) for offer, product in asked]
        counts = [any(key in quantities_of(situations.catalog, name) for name in some) for some in products]
        columns.append(np.where(np.array(counts, bool)[which], code[row] + 1, 0))
    return columns


def _held(situations: Situations) -> list[Ints]:
    """The plan held, who is billed how, and the quantities that count for the plan."""
    counted = [np.where(situations.held_counts(key), code + 1, 0) for key, code in situations.counted.items()]
    return [situations.plan, situations.plain, *counted]


# --- numbering --------------------------------------------------------------------------------------------------------


def numbered(columns: Sequence[Ints], rows: int) -> tuple[Ints, Ints]:
    """A number for each row, the same for rows that are alike in all columns (of codes from 0), and the first row of
    each number.
    """
    key, size = np.zeros(rows, np.int64), 1
    for column in columns:
        count = int(column.max(initial=0)) + 1
        if size * count > _LARGEST:
            key, firsts = _dense(key, size)
            size = len(firsts)
        key, size = key * count + column, size * count
    return _dense(key, size)


def _dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    if size > _SPARSE * len(key) + _SPARSE:
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
        return number.reshape(-1).astype(np.int64), first.astype(np.int64)
    first = np.full(size, -1, np.int64)
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)  # of rows alike the first is written last
    number = np.cumsum(first >= 0) - 1
    return number[key], first[first >= 0]


def _coded(column: pa.ChunkedArray) -> Ints:
    """A code from 1 for each value; 0 where there is none."""
    whole = column.combine_chunks()
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1), np.int64) + 1


def _price_lists(catalog: Catalog, batch: pa.Table) -> Ints:
    """The place of each row's price list among the catalog's; -1 where no list is for it."""
    found = np.full(batch.num_rows, -1, np.int64)
    for number, mask in reversed(list(enumerate(_fitting(catalog, batch)))):
        found[mask] = number
    return found


def _fitting(catalog: Catalog, batch: pa.Table) -> Iterator[Bools]:
    for one in catalog.price_lists.values():
        mask = np.ones(batch.num_rows, bool)
        if one.segment is not None:
            mask &= _members(batch, SEGMENT + one.segment)
        for name, values in one.values.items():
            column = batch[f"{Owner.CUSTOMER}.{name}"].cast(pa.string())
            mask &= np.asarray(pc.is_in(column, pa.array(values, pa.string())), bool)
        yield mask


def _members(batch: pa.Table, key: str) -> Bools:
    if key not in batch.column_names:
        return np.zeros(batch.num_rows, bool)
    return np.asarray(pc.fill_null(batch[key], fill_value=False), bool)
