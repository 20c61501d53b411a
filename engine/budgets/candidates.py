"""What allotment works on: candidates as columns, and what is left of each limit."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NOT_REFUSED = -1
OTHER_CURRENCY = -2
"""The rule has budgets, but none in the currency that the candidate costs."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates that nothing else stands against, one place each in every array, in any order.

    `occasion` and `rank`, from the first to the last choice of an occasion, are distinct pairs. `value` orders across
    occasions; `tie` breaks equal values (ids in order). `rule`, `customer` and `currency` are codes; `cost` is what the
    candidate gives away, in minor units of its currency, 0 or more; so that sums are exact, 2**62 divided by the number
    of candidates (12 trillion of 360,000) or more fits no limit.
    """

    occasion: Ints
    rank: Ints
    value: npt.NDArray[np.float64]
    tie: Ints
    rule: Ints
    customer: Ints
    currency: Ints
    cost: Ints

    def take(self, places: Ints) -> Candidates:
        return Candidates(*(getattr(self, each.name)[places] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of one limit. `currency` is its code, None where it counts customers.

    `counted` are the codes of customers who have their place in the period already.
    """

    rule: int
    left: int
    currency: int | None = None
    counted: Ints | None = None
