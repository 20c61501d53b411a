"""What every reader of files gives: blocks of texts, and a fault for each row that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.errors import ImportFailed

BLOCK_ROWS = 250_000
BLOCK_BYTES = 1 << 25
"""A block is a transaction of the store: large, because each one writes every page of the indexes that it touches."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row was refused. `column` is the file's where one is at fault."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(slots=True)
class Block:
    """Some rows of a file. `rows` are their numbers; `columns` are as long."""

    rows: np.ndarray[Any, np.dtype[np.int64]]
    columns: dict[str, pa.Array]
    faults: list[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def read(self) -> int:
        """Rows that the file had here, those that could not be read included."""
        return len(self.rows) + len({fault.row for fault in self.faults})


@dataclass(frozen=True, slots=True)
class Reader:
    """An open file: the names of its columns, and its blocks once it is known which columns are wanted.

    `size` is in bytes; `blocks(columns)` yields (block, bytes read so far).
    """

    columns: tuple[str, ...]
    size: int
    blocks: Callable[[Sequence[str]], Iterator[tuple[Block, int]]]


def unique(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ImportFailed(f"{path} has two columns called {name}.")
        if not name.isprintable():
            raise ImportFailed(f"{path} does not begin with a line of column names in UTF-8.")
    return tuple(names)


def texts_of(name: str, binary: pa.Array, rows: Sequence[int], faults: list[Fault]) -> pa.Array:
    """Bytes as text; a cell that is no UTF-8 becomes null and a fault of its row."""
    try:
        return binary.cast(pa.string())
    except pa.ArrowInvalid:
        texts: list[str | None] = []
        for row, raw in zip(rows, binary.to_pylist(), strict=True):
            try:
                texts.append(None if raw is None else raw.decode())
            except UnicodeDecodeError:
                texts.append(None)
                faults.append(
                    Fault(int(row), name, raw.decode("utf-8", "backslashreplace"), "has bytes that are no UTF-8")
                )
        return pa.array(texts, pa.string())


def without_faults(block: Block) -> Block:
    """The block without the rows that have faults."""
    bad = np.isin(block.rows, [fault.row for fault in block.faults])
    if bad.any():
        good = pa.array(~bad)
        columns = {name: values.filter(good) for name, values in block.columns.items()}
        return Block(block.rows[~bad], columns, block.faults)
    return block


def first_line(error: BaseException) -> str:
    return str(error).splitlines()[0].rstrip(".")
