"""The tables of a snapshot and of results as Spark reads and writes them.

A state is a folder or URL whose subfolders are the tables (`s3a://bucket/state`), or `table:NAME`, a database of
Spark's catalog whose tables they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

CATALOG = "table:"


@dataclass(frozen=True)
class Tables:
    """Where some tables are."""

    spark: SparkSession
    place: str

    def read(self, name: str) -> DataFrame:
        if self.place.startswith(CATALOG):
            return self.spark.table(f"{self.place.removeprefix(CATALOG)}.{name}")
        return self.spark.read.parquet(f"{self.place.rstrip('/')}/{name}")

    def has(self, name: str) -> bool:
        if self.place.startswith(CATALOG):
            return bool(self.spark.catalog.tableExists(f"{self.place.removeprefix(CATALOG)}.{name}"))
        path = self.spark._jvm.org.apache.hadoop.fs.Path(f"{self.place.rstrip('/')}/{name}")
        return bool(path.getFileSystem(self.spark._jsc.hadoopConfiguration()).exists(path))

    def one(self, name: str) -> dict[str, Any]:
        """The only row of a table."""
        found: dict[str, Any] = self.read(name).first().asDict()
        return found

    def write(self, name: str, table: pa.Table) -> None:
        """A small table as one file."""
        self.spark.createDataFrame(table).coalesce(1).write.mode("overwrite").parquet(f"{self.place}/{name}")


def column(name: str) -> Column:
    """A column by its whole name, dots and all."""
    from pyspark.sql import functions as f

    return f.col(f"`{name}`")


def spark_type(schema: pa.Schema) -> Any:
    """Spark's own name for the rows of an Arrow schema."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
