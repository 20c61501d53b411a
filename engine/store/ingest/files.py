"""Files as blocks of texts: CSV, JSON lines and Parquet give the same thing, each column as text with nulls.

A row is called by the number under which people find it: in CSV the record's (the header is 1, so the first row is 2,
as in a spreadsheet), in JSON lines the line's, in Parquet the row's from 1. Rows that cannot be read at all (a cell too
few, bytes that are no UTF-8, no JSON object) come as faults; the others of the block are good.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from engine.errors import ImportFailed
from engine.store.ingest.blocks import Reader, first_line
from engine.store.ingest.csv_file import csv_reader
from engine.store.ingest.jsonl_file import jsonl_reader
from engine.store.ingest.parquet_file import parquet_reader

_FORMS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def open_file(path: Path, form: str | None = None, delimiter: str | None = None) -> Reader:
    """A reader of a file, by the given form (csv | jsonl | parquet), else by the file's name. Raises ImportFailed."""
    form = form or _form(path)
    try:
        if form == "parquet":
            return parquet_reader(path)
        if form == "jsonl":
            return jsonl_reader(path)
        return csv_reader(path, delimiter or ("\t" if ".tsv" in path.suffixes else ","))
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from None
    except pa.ArrowInvalid as error:
        raise ImportFailed(f"{path} cannot be read as {form}: {first_line(error)}.") from None


def _form(path: Path) -> str:
    for suffix in path.suffixes:
        if (form := _FORMS.get(suffix.lower())) is not None:
            return form
    raise ImportFailed(f"{path.name} does not say what it is: add --format csv, jsonl or parquet.")
