"""JSON lines: one object a line; a line that is none is a fault, the others are good."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from engine.store.ingest import blocks
from engine.store.ingest.blocks import Block, Fault, Reader

SAMPLED_LINES = 10_000
"""JSON lines have no header: the columns are the keys of so many first lines."""


def jsonl_reader(path: Path) -> Reader:
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
        while chunk := list(islice(lines, blocks.BLOCK_ROWS)):
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
            flat[prefix + name] = json_text(value)


def json_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # a lone surrogate, escaped in JSON, is no character
