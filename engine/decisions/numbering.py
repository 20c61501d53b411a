"""Numbers for occasions and occurrences: texts of a batch's keys become small integers, in order where order counts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.decisions.rule_table import Ints


def occasions(batch: pa.Table) -> Ints:
    """A number for each row: the same for one customer at one instant, in the order of customers, then instants."""
    instant = batch["due_at"].cast(pa.int64()).to_numpy()
    return numbered(_ordered_codes(batch["customer"]), np.unique(instant, return_inverse=True)[1])


def occurrences(batch: pa.Table) -> Ints:
    """A number for each row: the same for one subject and key, in no order."""
    return numbered(_codes(batch["subject"]), _codes(batch["occurrence"]))


def places(batch: pa.Table, occasion: Ints) -> Ints:
    """The place of each row in its occasion: by subject, subscription, occurrence, moment and offset.

    Most occasions have one row; names are compared only where there are several.
    """
    place = np.zeros(len(occasion), np.int64)
    rows = np.flatnonzero(np.bincount(occasion)[occasion] > 1)
    if len(rows):
        some = batch.select(["subject", "subscription", "occurrence", "moment", "offset"]).take(rows)
        names = [_ordered_codes(column) for column in some.columns[:4]]
        own = occasion[rows]
        order = np.lexsort((some["offset"].to_numpy(), *reversed(names), own))
        place[rows[order]] = since_first(own[order])
    return place


def since_first(runs: Ints) -> Ints:
    """How far each place is from the first of its run of equal numbers."""
    count = np.arange(len(runs))
    first = np.empty(len(runs), np.bool_)
    first[:1] = True
    np.not_equal(runs[1:], runs[:-1], out=first[1:])
    return count - np.maximum.accumulate(np.where(first, count, 0))


def numbered(first: Ints, second: Ints) -> Ints:
    """The distinct pairs (of numbers from -1 on), numbered from 0 on in their order."""
    width = int(second.max(initial=-1)) + 2
    pairs = (first + 1) * width + second + 1
    places: Ints = np.unique(pairs, return_inverse=True)[1]
    return places


def _codes(column: pa.ChunkedArray) -> Ints:
    """A number from 0 on for each distinct text, in no order; nulls are -1."""
    coded = column.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(coded.indices, -1), dtype=np.int64)


def _ordered_codes(column: pa.ChunkedArray) -> Ints:
    """The place of each text among the column's texts in order (as bytes compare); nulls are -1.

    What is due comes in order, mostly: then the texts are numbered as they come.
    """
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    codes, names = np.asarray(pc.fill_null(coded.indices, -1), dtype=np.int64), coded.dictionary
    if pc.all(pc.less(names[:-1], names[1:])).as_py() is not False:
        return codes
    places = np.empty(len(names) + 1, np.int64)
    places[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    places[-1] = -1
    return places[codes]
