"""Files as blocks of texts: CSV, JSON lines and Parquet give the same thing, each column as text with nulls.

A row is called by the number under which people find it: in CSV the record's (the header is 1, so the first row is 2,
as in a spreadsheet), in JSON lines the line's, in Parquet the row's from 1. Rows that cannot be read at all (a cell too
few, bytes that are no UTF-8, no JSON object) come as faults; the others of the block are good.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from engine.errors import ImportFailed

BLOCK_ROWS = 250_000
BLOCK_BYTES = 1 << 25
SAMPLED_LINES = 10_000
"""JSON lines have no header: the columns are the keys of so many first lines."""


_FORMS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


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


def open_file(path: Path, form: str | None = None, delimiter: str | None = None) -> Reader:
    """A reader of a file, by the given form (csv | jsonl | parquet), else by the file's name. Raises ImportFailed."""
    form = form or _form(path)
    try:
        if form == "parquet":
            return _parquet(path)
        return _jsonl(path) if form == "jsonl" else _csv(path, delimiter or ("\t" if ".tsv" in path.suffixes else ","))
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from None
    except pa.ArrowInvalid as error:
        raise ImportFailed(f"{path} cannot be read as {form}: {_first_line(error)}.") from None


def _form(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    for form, names in {
        "parquet": (".parquet", ".pq"),
        "jsonl": (".jsonl", ".ndjson"),
        "csv": (".csv", ".tsv"),
    }.items():
        if any(name in suffixes for name in names):
            return form
    raise ImportFailed(f"{path.name} does not say what it is: add --format csv, jsonl or parquet.")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _unique(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ImportFailed(f"{path} has two columns called {name}.")
        if not name.isprintable():
            raise ImportFailed(f"{path} does not begin with a line of column names in UTF-8.")
    return tuple(names)


def _texts(name: str, binary: pa.Array, rows: Sequence[int], faults: list[Fault]) -> pa.Array:
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


def _without(block: Block) -> Block:
    """The block without the rows that have faults."""
    bad = np.isin(block.rows, [fault.row for fault in block.faults])
    if bad.any():
        good = pa.array(~bad)
        columns = {name: values.filter(good) for name, values in block.columns.items()}
        return Block(block.rows[~bad], columns, block.faults)
    return block


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(path: Path, delimiter: str) -> Reader:
    parse = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    size = path.stat().st_size
    with _csv_input(path) as stream:
        head = pa_csv.open_csv(stream, read_options=_csv_options(), parse_options=_lenient(parse, []))
        names = _unique(path, [_name(name) for name in head.schema.names])
    return Reader(names, size, lambda columns: _csv_blocks(path, parse, columns))


def _name(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _csv_input(path: Path) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="detect", buffer_size=None)


def _csv_options() -> pa_csv.ReadOptions:
    return pa_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)


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
                raise ImportFailed(f"{path} cannot be read after row {row - 1}: {_first_line(error)}.") from None
            rows = _numbers(row, batch.num_rows, {each.number for each in bad})
            row = int(rows[-1]) + 1 if len(rows) else row
            block = Block(rows, {}, [_torn(each) for each in bad if each.number < row])
            bad[:] = [each for each in bad if each.number >= row]
            for name in columns:
                block.columns[name] = _texts(name, batch.column(name), rows, block.faults)  # type: ignore[arg-type]
            yield _without(block), _position(stream, path)
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


# --- JSON lines ------------------------------------------------------------------------------------------------------


def _jsonl(path: Path) -> Reader:
    names: dict[str, None] = {}
    with _lines(path) as lines:
        for line in islice(lines, SAMPLED_LINES):
            if isinstance(flat := _flat(line), dict):
                names.update(dict.fromkeys(flat))
    return Reader(tuple(names), path.stat().st_size, lambda columns: _jsonl_blocks(path, columns))


def _lines(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _jsonl_blocks(path: Path, columns: Sequence[str]) -> Iterator[tuple[Block, int]]:
    done, first = 0, 1
    with _lines(path) as lines:
        while chunk := list(islice(lines, BLOCK_ROWS)):
            done += sum(map(len, chunk))
            yield _jsonl_block(chunk, first, columns), done
            first += len(chunk)


def _jsonl_block(chunk: Sequence[bytes], first: int, columns: Sequence[str]) -> Block:
    rows: list[int] = []
    values: dict[str, list[str | None]] = {name: [] for name in columns}
    faults: list[Fault] = []
    for number, line in enumerate(chunk, first):
        flat = _flat(line)
        if isinstance(flat, str):
            faults.append(Fault(number, "", line[:200].decode("utf-8", "backslashreplace").rstrip(), flat))
        elif flat is not None:
            rows.append(number)
            for name in columns:
                values[name].append(flat.get(name))
    texts = {name: pa.array(column, pa.string()) for name, column in values.items()}
    return Block(np.array(rows, np.int64), texts, faults)


def _flat(line: bytes) -> dict[str, str | None] | str | None:
    """One object as texts by dotted name; None for an empty line, a reason where it is no object."""
    if not line.strip():
        return None
    try:
        found = json.loads(line.decode(), parse_int=str, parse_float=str, parse_constant=str)
    except UnicodeDecodeError:
        return "has bytes that are no UTF-8"
    except (ValueError, RecursionError):
        return "is no JSON"
    if not isinstance(found, dict):
        return "is no JSON object"
    flat: dict[str, str | None] = {}
    _flatten(found, "", flat)
    return flat


def _flatten(found: dict[str, Any], prefix: str, flat: dict[str, str | None]) -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", flat)
        else:
            flat[prefix + name] = _json_text(value)


def _json_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # a lone surrogate, escaped in JSON, is no character


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(path: Path) -> Reader:
    with pq.ParquetFile(path) as file:
        names = _unique(path, file.schema_arrow.names)
    return Reader(names, path.stat().st_size, lambda columns: _parquet_blocks(path, columns))


def _parquet_blocks(path: Path, columns: Sequence[str]) -> Iterator[tuple[Block, int]]:
    size, first = path.stat().st_size, 1
    with pq.ParquetFile(path) as file:
        total = max(1, file.metadata.num_rows)
        for batch in file.iter_batches(BLOCK_ROWS, columns=list(columns)):
            rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
            block = Block(rows, {})
            for name in columns:
                block.columns[name] = _parquet_texts(path, name, batch.column(name), block)
            first += batch.num_rows
            yield _without(block), size * (first - 1) // total


def _parquet_texts(path: Path, name: str, values: pa.Array, block: Block) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pa.array([_json_text(item) for item in values.to_pylist()], pa.string())
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return _texts(name, values.cast(pa.binary()), block.rows, block.faults)  # type: ignore[arg-type]
    try:
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise ImportFailed(f"{path}: the column {name} is a {values.type}, which is no single value.") from None
