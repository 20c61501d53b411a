"""Quotes for a whole batch: each distinct combination of offer and situation is worked out once.

A row's situation is a few small columns (plan, interval, currency, price list, what prices count), so a batch of
hundreds of thousands has some thousand of them at most. They are numbered by coding each column and combining the
codes. Nothing of an amount depends on the day of the bill; the dates of a quote are made for the rows that show one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.datatypes import Money, Value
from dsl.typed import Offer
from engine.pricing.amounts import Amounts, amounts_of
from engine.pricing.quotes import Quote, dated
from engine.pricing.refusals import Refused
from engine.pricing.situations import CURRENCY, INTERVAL, PLAN, Reader, Situation

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SMALL = 1 << 22
"""So many possible codes are looked up in a table; more are sorted."""

_LARGEST = 2**62


class Situations:
    """The situations of a batch: `code` is each row's, from 0; `read(code)` is what a code stands for.

    `batch` has the columns of `situations.reads`, and `usage.METER` (a number) where a price is per meter. `segments`
    says of each row whether it is in a segment that a price list is for; who is in one that is not told is not in it.
    """

    def __init__(self, catalog: Catalog, batch: pa.Table, segments: Mapping[str, Bools] | None = None) -> None:
        self.catalog, self.batch = catalog, batch
        self.reader = Reader(catalog)
        self.lists = _price_lists(catalog, batch, segments or {})
        names = [PLAN, INTERVAL, CURRENCY, *self.reader.quantities]
        self.names = [key for name in names for key in (name, f"{name}.currency") if key in batch.column_names]
        columns = [self.lists + 1, *(_coded(batch[name]) for name in self.names)]
        self.code, self._first = numbered(columns, batch.num_rows)
        self._read: list[Situation] | None = None

    def read(self, code: int) -> Situation:
        """Without the date that bills hang on."""
        if self._read is None:
            rows = self.batch.select(self.names).take(pa.array(self._first)).to_pylist()
            lists = self.lists[self._first].tolist()
            self._read = [self._situation(*each) for each in zip(rows, lists, strict=True)]
        return self._read[code]

    def of_row(self, row: int) -> Situation:
        """With it."""
        found = {name: self.batch[name][row].as_py() for name in self.names}
        if self.reader.anchor in self.batch.column_names:
            found[str(self.reader.anchor)] = self.batch[self.reader.anchor][row].as_py()
        return self._situation(found, int(self.lists[row]))

    def _situation(self, found: dict[str, Any], number: int) -> Situation:
        row: dict[str, Value | None] = dict(found)
        for key in self.reader.quantities:
            if row.get(key) is not None and f"{key}.currency" in found:
                row[key] = Money(found[key], found[f"{key}.currency"])
        return self.reader.read(row, list(self.catalog.price_lists)[number] if number >= 0 else None)


@dataclass(frozen=True, slots=True)
class Quotes:
    """Of each candidate the amounts `distinct[code]`, or why it has none; `row` is its row of the situations."""

    situations: Situations
    row: Ints
    code: Ints
    distinct: tuple[Amounts | Refused, ...]

    def refused(self) -> Bools:
        return np.array([isinstance(one, Refused) for one in self.distinct], bool)[self.code]

    def minor(self, name: str) -> Ints:
        """A field of the amounts that is an amount (`value`, `discount_cost`, `price`...), 0 for the refused."""
        each = [0 if isinstance(one, Refused) else int(getattr(one, name) or 0) for one in self.distinct]
        return np.array([min(max(one, -_LARGEST), _LARGEST) for one in each], np.int64)[self.code]

    def quote(self, candidate: int, day: dt.date) -> Quote | Refused:
        """The whole quote of one candidate, with its dates."""
        amounts = self.distinct[self.code[candidate]]
        if isinstance(amounts, Refused):
            return amounts
        return dated(self.situations.catalog, amounts, self.situations.of_row(int(self.row[candidate])), day)


def quotes(situations: Situations, asked: Sequence[tuple[Offer, str]], row: Ints, which: Ints, day: dt.date) -> Quotes:
    """The amounts of candidates: candidate i is `asked[which[i]]`, an offer and its product, for `row[i]`."""
    same = {pair: number for number, pair in reversed(list(enumerate(asked)))}
    first = np.array([same[pair] for pair in asked], np.int64)
    code, firsts = numbered([first[which], situations.code[row]], len(row)) if len(row) else (row, row)
    distinct = tuple(
        amounts_of(situations.catalog, *asked[int(which[at])], situations.read(int(situations.code[row[at]])), day)
        for at in firsts.tolist()
    )
    return Quotes(situations, row, code, distinct)


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
    if size > max(_SMALL, len(key)):
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


def _price_lists(catalog: Catalog, batch: pa.Table, segments: Mapping[str, Bools]) -> Ints:
    """The place of each row's price list among the catalog's; -1 where no list is for it."""
    found = np.full(batch.num_rows, -1, np.int64)
    for number, mask in reversed(list(enumerate(_fitting(catalog, batch, segments)))):
        found[mask] = number
    return found


def _fitting(catalog: Catalog, batch: pa.Table, segments: Mapping[str, Bools]) -> Iterator[Bools]:
    for one in catalog.price_lists.values():
        mask = np.ones(batch.num_rows, bool)
        if one.segment is not None:
            mask &= segments.get(one.segment, np.zeros(batch.num_rows, bool))
        for name, values in one.values.items():
            column = batch[f"{Owner.CUSTOMER}.{name}"].cast(pa.string())
            mask &= np.asarray(pc.is_in(column, pa.array(values, pa.string())), bool)
        yield mask
