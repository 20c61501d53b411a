"""The first look at who may be due, wherever their rows lie: counted, matched, and let go of where nothing matches.

A stream of (customer, subscription) pairs, in which a customer's stand together, is matched some ten thousand rows at
a time by the batch form of the rules (`matching.plan`). What rules ask of the past is not known yet and taken for given
(`matching.relaxed`), so a pair that is left out here matches nothing, whatever happened. What is left (`looked`) has to
be moved between machines: usually a small share of what is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.distributed.due import batch_keys, due_of, named
from engine.distributed.work import BatchKey, Work
from engine.store.snapshot.pairs import KEYS, coded

GROUP, MET, DUE = "group", "met", "due"
"""Columns beside those of `Work.columns`: the group of customers that decides, whether events may be met, and of how
many occurrences a row without a customer tells.
"""

ROWS_AT_ONCE = 50_000

_BATCH = pa.schema([("moment", pa.string()), ("offset", pa.int64()), ("shard", pa.int64()), (DUE, pa.int64())])


def looked(work: Work) -> pa.Schema:
    """What a look leaves: pairs that may match, or have events to be met; and rows that count a batch's occurrences."""
    return pa.schema([(GROUP, pa.int32()), *_BATCH, *work.columns()])


def look(work: Work, stream: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The stream's pairs (`Work.columns` with GROUP and MET) as `looked` has them; a customer's stand together."""
    for pairs in whole_customers(stream):
        yield _left(work, pairs)


def whole_customers(stream: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows as tables of about `ROWS_AT_ONCE`, none of which ends amid a customer."""
    waiting: list[pa.RecordBatch] = []
    for batch in stream:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= ROWS_AT_ONCE:
            table = pa.Table.from_batches(waiting)
            last = _last_begins(table["customer.id"])
            yield table[:last]
            waiting = table[last:].combine_chunks().to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)


def _last_begins(customers: pa.ChunkedArray) -> int:
    """The first row of the last customer."""
    return int(pc.index(customers, customers[-1]).as_py())


def _left(work: Work, pairs: pa.Table) -> pa.Table:
    known = coded(pairs.select(work.columns().names).cast(work.columns()), work.attributes())
    stays = np.asarray(pairs[MET].combine_chunks()).astype(np.bool_)
    due: Counter[BatchKey] = Counter()
    for use in work.uses:
        table = due_of(work, use, known)
        if table.num_rows:
            names = ["zone", "customer", "subject", "occurrence"]
            due.update(batch_keys(use, table.select(names).group_by(names).aggregate([])))
            row = work.first_plans[use].match_batch(table, work.day)["row"]
            stays |= _among(known, table.take(pc.unique(row)))
    return pa.concat_tables([_pairs(work, pairs, stays), _counted(work, due)])


def _among(pairs: pa.Table, matched: pa.Table) -> npt.NDArray[np.bool_]:
    """Which pairs matched: by subscription, or by customer where there is none."""
    by_subscription = pc.is_in(pairs[KEYS[1]], matched["subscription"].drop_null())
    alone = matched.filter(pc.is_null(matched["subscription"]))["customer"]
    by_customer = pc.and_(pc.is_null(pairs[KEYS[1]]), pc.is_in(pairs[KEYS[0]], alone))
    return np.asarray(pc.or_(by_subscription, by_customer), np.bool_)


def _pairs(work: Work, pairs: pa.Table, stays: npt.NDArray[np.bool_]) -> pa.Table:
    left = pairs.filter(pa.array(stays))
    for field in _BATCH:
        left = left.append_column(field, pa.nulls(left.num_rows, field.type))
    return left.select(looked(work).names).cast(looked(work))


def _counted(work: Work, due: Counter[BatchKey]) -> pa.Table:
    return pa.Table.from_pylist([{**named(key), DUE: count} for key, count in sorted(due.items())], looked(work))
