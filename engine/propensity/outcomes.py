"""What became of offers so far, and what is believed before any of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prior:
    """The acceptance rate of an offer of which nothing is known: as if so many customers (`strength`) had been asked
    and this part of them (`mean`) had accepted. Raises ValueError.
    """

    mean: float = 0.05
    strength: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.mean < 1 or not 0 < self.strength < float("inf"):
            raise ValueError("A prior's mean lies between 0 and 1, and its strength is a number above 0.")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many customers were shown an offer, and how many accepted it: int64[offers, segments] each.

    Shown are those whose answer is known: accepted, declined or lapsed. Raises ValueError where more accepted than
    were shown.
    """

    shown: Codes
    accepted: Codes

    def __post_init__(self) -> None:
        if self.shown.shape != self.accepted.shape or self.shown.ndim != 2:
            raise ValueError("Shown and accepted are counted for the same offers and segments.")
        if (self.accepted < 0).any() or (self.accepted > self.shown).any():
            raise ValueError("No offer is accepted by more customers than were shown it.")


def counted(offer: Codes, segment: Codes, accepted: npt.NDArray[np.bool_], shape: tuple[int, int]) -> Outcomes:
    """Answers (one a row: places of offer and segment, whether accepted) as counts of so many offers and segments."""
    cell = np.ravel_multi_index((offer, segment), shape)
    size = shape[0] * shape[1]
    return Outcomes(
        np.bincount(cell, minlength=size).reshape(shape), np.bincount(cell[accepted], minlength=size).reshape(shape)
    )
