"""CSV: read by Arrow block by block, every cell as bytes first, so that one bad cell is one bad row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from engine.errors import ImportFailed
from engine.store.ingest import blocks
from engine.store.ingest.blocks import Block, Fault, Reader, first_line, texts_of, unique, without_faults


def csv_reader(path: Path, delimiter: str) -> Reader:
    parse = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    size = path.stat().st_size
    with _csv_input(path) as stream:
        head = pa_csv.open_csv(stream, read_options=_csv_options(), parse_options=_lenient(parse, []))
        names = unique(path, [_name(name) for name in head.schema.names])
    return Reader(names, size, lambda columns: _csv_blocks(path, parse, columns))


def _name(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _csv_input(path: Path) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="detect", buffer_size=None)


def _csv_options() -> pa_csv.ReadOptions:
    return pa_csv.ReadOptions(use_threads=False, block_size=blocks.BLOCK_BYTES)


def _lenient(parse: pa_csv.ParseOptions, bad: list[Any]) -> pa_csv.ParseOptions:
    def skip(row: Any) -> str:
        bad.append(row)
        return "skip"

    return pa_csv.ParseOptions(
        delimiter=parse.delimiter, newlines_in_values=parse.newlines_in_values, invalid_row_handler=skip
    )


def _csv_blocks(path: Path, parse: pa_csv.ParseOptions, columns: Sequence[str]) -> Iterator[tuple[Block, int]]:
    bad: list[Any] = []
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.binary() for name in columns},
        include_columns=list(columns),
        strings_can_be_null=False,
    )
    with _csv_input(path) as stream:
        reader = pa_csv.open_csv(stream, _csv_options(), _lenient(parse, bad), convert)
        row = 2
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                break
            except pa.ArrowInvalid as error:
                reason = first_line(error)
                if "straddling" in reason:
                    reason = "a quotation mark opens there and nothing closes it"
                raise ImportFailed(f"{path} cannot be read after row {row - 1}: {reason}.") from None
            rows = _numbers(row, batch.num_rows, {each.number for each in bad})
            row = int(rows[-1]) + 1 if len(rows) else row
            block = Block(rows, {}, [_torn(each) for each in bad if each.number < row])
            bad[:] = [each for each in bad if each.number >= row]
            for name in columns:
                block.columns[name] = texts_of(name, batch.column(name), rows, block.faults)  # type: ignore[arg-type]
            yield without_faults(block), _position(stream, path)
        if bad:
            yield (
                Block(
                    np.empty(0, np.int64), {name: pa.array([], pa.string()) for name in columns}, list(map(_torn, bad))
                ),
                0,
            )


def _position(stream: pa.NativeFile, path: Path) -> int:
    try:
        return int(stream.tell())
    except (OSError, pa.ArrowException):
        return path.stat().st_size


def _torn(row: Any) -> Fault:
    reason = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
    return Fault(row.number, "", row.text[:200], reason)


def _numbers(first: int, count: int, skipped: set[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The numbers of `count` rows from `first` on, where those in `skipped` were left out."""
    numbers = np.arange(first, first + count + len(skipped), dtype=np.int64)
    return numbers[~np.isin(numbers, list(skipped))][:count]
