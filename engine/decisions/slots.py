"""Slots: how many contacts an occasion may have on each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Slots:
    """Groups of channels that share places: the bits of each, and how many places it has an occasion."""

    bits: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def slots_of(bits: Mapping[str, int], declared: Mapping[str, int]) -> Slots:
    """From the bits of channels and the catalog's `slots`; the last group is that of all other channels."""
    rest = sum(bit for channel, bit in bits.items() if channel not in declared)
    named = {bits[channel]: count for channel, count in declared.items() if channel in bits}
    return Slots(np.array([*named, rest], np.int64), np.array([*named.values(), 1], np.int64))
