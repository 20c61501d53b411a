"""Parquet: typed columns as the texts that the other formats have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import ImportFailed
from engine.store.ingest import blocks
from engine.store.ingest.blocks import Block, Reader, texts_of, unique, without_faults
from engine.store.ingest.jsonl_file import json_text


def parquet_reader(path: Path) -> Reader:
    with pq.ParquetFile(path) as file:
        names = unique(path, file.schema_arrow.names)
    return Reader(names, path.stat().st_size, lambda columns: _parquet_blocks(path, columns))


def _parquet_blocks(path: Path, columns: Sequence[str]) -> Iterator[tuple[Block, int]]:
    size, first = path.stat().st_size, 1
    with pq.ParquetFile(path) as file:
        total = max(1, file.metadata.num_rows)
        for batch in file.iter_batches(blocks.BLOCK_ROWS, columns=list(columns)):
            rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
            block = Block(rows, {})
            for name in columns:
                block.columns[name] = _parquet_texts(path, name, batch.column(name), block)
            first += batch.num_rows
            yield without_faults(block), size * (first - 1) // total


def _parquet_texts(path: Path, name: str, values: pa.Array, block: Block) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pa.array([json_text(item) for item in values.to_pylist()], pa.string())
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return texts_of(name, values.cast(pa.binary()), block.rows, block.faults)  # type: ignore[arg-type]
    try:
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise ImportFailed(f"{path}: the column {name} is a {values.type}, which is no single value.") from None
