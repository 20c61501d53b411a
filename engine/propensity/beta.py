"""Quantiles of Beta distributions, by the table: for draws, the same wherever they are asked for, and for intervals.

A Beta(a, b) variable x is looked at through its logit t = ln(x / (1 - x)). There its density is s(t)^a s(-t)^b up to a
constant (s the logistic function): smooth and with one mode at ln(a / b), whatever a and b > 0, also where that of x
itself is infinite at an end. It is laid out on an even grid as far as it is more than e^-36 of its height, summed by
trapezoids and read backwards by straight lines. Of a and b from 1/2 up, the value given for a probability is that of
one at most 2e-4 away.
"""

from __future__ import annotations

from functools import lru_cache
from math import log, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POINTS = 1024
_DEPTH = 36.0


def quantiles(probabilities: Floats, a: float, b: float) -> Floats:
    """The values below which a Beta(a, b) variable lies with these probabilities (each between 0 and 1)."""
    logits, summed = _table(a, b)
    return np.asarray(_logistic(np.interp(probabilities, summed, logits)), np.float64)


@lru_cache(maxsize=4096)
def _table(a: float, b: float) -> tuple[Floats, Floats]:
    """Logits on a grid, and the probability of a smaller one."""
    mode, width = log(a / b), sqrt(2 * _DEPTH * (1 / a + 1 / b))
    grid = np.linspace(mode - width - _DEPTH / a, mode + width + _DEPTH / b, POINTS)
    heights = -a * np.logaddexp(0, -grid) - b * np.logaddexp(0, grid)
    density = np.exp(heights - heights.max())
    summed = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return grid, summed / summed[-1]


def _logistic(logits: Floats) -> Floats:
    """1 / (1 + e^-t), where e^-t may be beyond all numbers."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits)), np.float64)
