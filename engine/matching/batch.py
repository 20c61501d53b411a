"""The batch form: many rows against all rules of a moment, as operations on packed bits, a block of rows at a time.

The rules of a day become a program (`program`) over numbered rows of bits (one bit a row of the block):

1. *basis*: for each column and each point of it, `codes >= point` or `codes == point` (`codes`), and which values are
   known and which missing. Every distinct comparison is made once, whatever the number of rules.
2. *sets*: each distinct set of values is the XOR of the basis rows at its toggles (`values`).
3. *conjuncts*: each is the AND of its sets.
4. *questions*: a text pattern or a clause that computes is put to those rows only that still stand in a conjunct that
   asks it; what it says is one more set to AND. Parts that were not multiplied out are evaluated as they stand.
5. *rules*: each is the OR of its conjuncts, and the few bits that are left are read out as (row, rule) pairs.

Blocks are independent, so threads take turns at them: numpy lets go of the interpreter while it computes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.typed import Relation, Test
from engine.matching.bits import Bits, Words, block_size
from engine.matching.codes import Coder
from engine.matching.column_rows import ColumnRows
from engine.matching.columns import Pattern
from engine.matching.named_codes import Coding
from engine.matching.program import Program
from engine.matching.questions import Asking, asking_clause, asking_pattern
from engine.matching.read_out import read_out

THREADS = 2

PAIRS = pa.schema([("row", pa.int32()), ("rule", pa.int32())])

Made = TypeVar("Made")


def run(program: Program, table: pa.Table, today: dt.date) -> pa.Table:
    """The matches among the rows of a batch: int32 columns `row` and `rule`, sorted by both."""
    if not table.num_rows or not len(program.rules):
        return PAIRS.empty_table()
    found = _each_block(program, table, today, lambda bits, start: (start, read_out(bits, program.rules, start)))
    parts = [part for _, parts in sorted(found, key=itemgetter(0)) for part in parts]
    return pairs(*(np.concatenate(some) for some in zip(*parts, strict=True)))


def counts(program: Program, table: pa.Table, today: dt.date) -> npt.NDArray[np.int64]:
    """How many rows of a batch each rule matches: the bits are counted, not read out."""
    found = np.zeros(program.size, np.int64)
    count = lambda bits, _: np.bitwise_count(bits).sum(axis=1, dtype=np.int64)  # noqa: E731
    for some in _each_block(program, table, today, count):
        found[program.rules] += some
    return found


def pairs(rows: Sequence[int] | npt.NDArray[np.int32], rules: Sequence[int] | npt.NDArray[np.int32]) -> pa.Table:
    """Matches as a table: int32 columns `row` and `rule`."""
    return pa.table([pa.array(rows, pa.int32()), pa.array(rules, pa.int32())], schema=PAIRS)


def _each_block(program: Program, table: pa.Table, today: dt.date, use: Callable[[Words, int], Made]) -> Iterator[Made]:
    """What `use` makes of the rules' bits and the first row of each block, in any order."""
    size = block_size(program, table.num_rows, THREADS)
    coder = Coder(table, [rows.column for rows in program.columns])
    starts = iter(range(0, table.num_rows, size))
    with _mapping(len(range(0, table.num_rows, size))) as each:
        codings = list(each(lambda rows: coder.coding(rows.column, rows.points), program.columns))
        askings = list(each(lambda asked: _asking(coder, table, asked.rows, today), program.asked))

        def work(bits: Bits) -> list[Made]:
            return [
                use(_rules(bits, codings, askings, start, min(size, table.num_rows - start)), start) for start in starts
            ]

        for some in each(work, [Bits(program, size) for _ in range(THREADS)]):
            yield from some


@contextmanager
def _mapping(blocks: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` that uses threads, unless there is but one block."""
    if blocks <= 1:
        yield map
        return
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool.map


def _asking(coder: Coder, table: pa.Table, rows: ColumnRows, today: dt.date) -> Asking:
    if isinstance(rows.column, Pattern):
        return asking_pattern(coder.texts(rows.column.attribute.key), rows.column, rows.points, today)
    assert isinstance(rows.column, Test | Relation)
    return asking_clause(table, rows.column, rows.points, today)


def _rules(bits: Bits, codings: Sequence[Coding], askings: Sequence[Asking], start: int, size: int) -> Words:
    """The bits of the rules in the `size` rows from number `start` on."""
    codes = [coding(start, start + size) for coding in codings]
    answers = [lambda standing, ask=ask: ask(start, start + size, standing) for ask in askings]
    return bits.rules(codes, answers, size)
