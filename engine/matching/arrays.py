"""Columns of a batch as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]

AMOUNT_TYPE = pa.decimal128(38, 4)
"""Sums of money, in ten-thousandths of the currency's unit."""


def whole(values: pa.ChunkedArray) -> pa.Array:
    """The chunks in one; a single chunk is not copied."""
    if values.num_chunks == 1:
        return values.chunk(0)
    found = values.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def numbers(values: pa.ChunkedArray, dtype: Any) -> tuple[npt.NDArray[Any], Mask | None]:
    """The values (0 where missing) and where they are present; None for everywhere."""
    present = presence(values)
    if present is not None:
        values = pc.fill_null(values, pa.scalar(0, values.type))
    return np.asarray(values.to_numpy(), dtype=dtype), present


def presence(values: pa.ChunkedArray) -> Mask | None:
    """Where the values are present; None for everywhere."""
    return np.asarray(values.is_valid().to_numpy(), dtype=np.bool_) if values.null_count else None


def halves(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Sums of money in ten-thousandths: the lower and the upper 64 bits of each (anything where missing)."""
    found = whole(values.cast(AMOUNT_TYPE))
    both: npt.NDArray[np.int64] = np.frombuffer(found.buffers()[1], np.int64).reshape(-1, 2)
    return both[found.offset : found.offset + len(found)]
