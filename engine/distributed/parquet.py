"""Folders of Parquet files: written in turn, read from a disk or an object store."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq

from engine.errors import CarpeError

ROWS_A_FILE = 1_000_000
ROWS_A_GROUP = 32_768
"""Of what is skipped or read together: a day of a month is about a thirtieth of a file."""


class FolderNotWritten(CarpeError):
    """A folder cannot be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"The folder {folder} cannot be written ({error.strerror or error}).")


class Folder:
    """A table as it is written: `part-00000.parquet` and so on, each closed after some `ROWS_A_FILE`.

    With `sorted_by`, a column, the rows of each file are in its order, so that a scan for some values skips the others.
    """

    def __init__(self, folder: Path, sorted_by: str | None = None) -> None:
        self._folder, self._sorted_by = folder, sorted_by
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self._files = self._in_file = self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Append rows; the first table's columns are those of all."""
        if self._sorted_by is None:
            self._write(table)
        else:
            self._waiting.append(table)
        self.rows, self._in_file = self.rows + table.num_rows, self._in_file + table.num_rows
        if self._in_file >= ROWS_A_FILE:
            self.close()

    def _write(self, table: pa.Table) -> None:
        writer = self._writer or self._next_file(table.schema)
        if table.num_rows:
            writer.write_table(table, ROWS_A_GROUP)

    def _next_file(self, schema: pa.Schema) -> pq.ParquetWriter:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._folder / f"part-{self._files:05}.parquet"
        self._writer = pq.ParquetWriter(name, schema, compression="zstd")
        self._files += 1
        return self._writer

    def close(self) -> None:
        """End the file; what is added then begins another."""
        if self._waiting and self._sorted_by is not None:
            whole = pa.concat_tables(self._waiting)
            self._waiting = []
            self._write(whole.sort_by(self._sorted_by))
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._in_file = 0

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read_folder(path: str, name: str) -> ds.Dataset | None:
    """The table `name` below a path (a folder, or a URL such as s3://bucket/day), or None where there is none.

    Folders such as `shard=3` are a column.
    """
    try:
        system, root = pa_fs.FileSystem.from_uri(path if "://" in path else Path(path).absolute().as_uri())
        place = f"{root.rstrip('/')}/{name}"
        if system.get_file_info(place).type != pa_fs.FileType.Directory:
            return None
        return ds.dataset(place, filesystem=system, format="parquet", partitioning="hive")
    except (OSError, pa.ArrowException) as error:
        raise CarpeError(f"{path} cannot be read ({str(error).splitlines()[0]}).") from error
