"""Polars: all rules as expressions of one lazy query, the frame made beforehand."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tests.bench.plain import Compare, Every, Plain

COMPARED = {"==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def match_first(conditions: Sequence[Plain], table: pa.Table) -> Callable[[], npt.NDArray[np.int32]]:
    """The first condition that each row of a flat table matches, -1 where none is."""
    frame: Any = pl.from_arrow(table)
    none = len(conditions)
    places = [
        pl.when(_expression(condition)).then(pl.lit(number, pl.Int32)).otherwise(pl.lit(none, pl.Int32))
        for number, condition in enumerate(conditions)
    ]
    query = frame.lazy().select(pl.min_horizontal(places).alias("first"))

    def first() -> npt.NDArray[np.int32]:
        found = query.collect()["first"].to_numpy()
        return np.where(found == none, np.int32(-1), found)

    return first


def match_every(conditions: Sequence[Plain], table: pa.Table) -> Callable[[], pa.Table]:
    """Whether each row matches, a column of truths a condition: no pairs are read out."""
    frame: Any = pl.from_arrow(table)
    columns = [_expression(condition).alias(f"r{number}") for number, condition in enumerate(conditions)]
    query = frame.lazy().select(columns)
    return lambda: query.collect().to_arrow()


def _expression(condition: Plain) -> pl.Expr:
    if not isinstance(condition, Compare):
        join = operator.and_ if isinstance(condition, Every) else operator.or_
        return reduce(join, map(_expression, condition.items))
    column = pl.col(condition.field)
    match condition.operator:
        case "in":
            return reduce(operator.or_, [column == one for one in condition.value])
        case "has":
            return column.list.contains(condition.value)
        case "starts":
            return column.cast(pl.String).str.starts_with(condition.value)
        case "==" if isinstance(condition.value, bool):
            return column if condition.value else ~column
    return COMPARED[condition.operator](column, condition.value)
