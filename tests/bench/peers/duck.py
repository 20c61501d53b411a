"""DuckDB: all rules as one query over the Arrow table, made its own beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tests.bench.peers.infix import Spelling, one_of
from tests.bench.plain import Plain

SQL = Spelling(
    "AND",
    "OR",
    "TRUE",
    "FALSE",
    {
        "in": lambda field, values: f"{field} IN ({one_of(values)})",
        "has": lambda field, value: f"list_contains({field}, '{value}')",
        "starts": lambda field, value: f"starts_with({field}, '{value}')",
        "==": lambda field, value: f"{field} = {SQL.constant(value)}",
    },
    field=lambda name: f'"{name}"',
)


def match_first(conditions: Sequence[Plain], table: pa.Table) -> Callable[[], npt.NDArray[np.int32]]:
    """The first condition that each row of a flat table matches, -1 where none is."""
    due = _due(table)
    cases = " ".join(f"WHEN {SQL.text(condition)} THEN {number}" for number, condition in enumerate(conditions))
    query = f"SELECT (CASE {cases} ELSE -1 END)::INTEGER AS first FROM due"
    return lambda: due.execute(query).fetchnumpy()["first"]


def match_every(conditions: Sequence[Plain], table: pa.Table) -> Callable[[], pa.Table]:
    """Whether each row matches, a column of truths a condition: no pairs are read out."""
    due = _due(table)
    columns = ", ".join(f"{SQL.text(condition)} AS r{number}" for number, condition in enumerate(conditions))
    return lambda: due.sql(f"SELECT {columns} FROM due").to_arrow_table()


def _due(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """The rows as a table of DuckDB's own, in its order."""
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("CREATE TABLE due AS SELECT * FROM given")
    return connection
