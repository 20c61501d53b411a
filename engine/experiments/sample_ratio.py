"""Did the arms come out as large as they should? The check of the sample ratio (SRM).

A mismatch means that exposures are lost or made up on one side, and that no figure of the experiment can be trusted
(Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD 2019). It is Pearson's test of
counts against expected shares. Where the shares were edited, each edition is a stratum of its own: the customers first
assigned under it; the statistics and their degrees of freedom add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

SUSPECT = 0.001
"""Below this a mismatch is told: once in a thousand checks of an experiment in which all is well."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Customers in each arm, and the exact part of all that each arm was to get (they add up to 1)."""

    counts: Sequence[int]
    expected: Sequence[Fraction]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's statistic, its degrees of freedom, and how often one as large comes about by chance."""

    statistic: float
    degrees: int
    p_value: float

    @property
    def is_suspect(self) -> bool:
        return self.p_value < SUSPECT


def sample_ratio(strata: Iterable[Stratum]) -> SampleRatio:
    """The check over all strata. A customer in an arm of share 0 is impossible: infinitely large, p-value 0."""
    statistic, degrees = 0.0, 0
    for stratum in strata:
        more, freedom = _pearson(stratum)
        statistic, degrees = statistic + more, degrees + freedom
    return SampleRatio(statistic, degrees, chi_square_tail(statistic, degrees))


def _pearson(stratum: Stratum) -> tuple[float, int]:
    total, statistic, arms = sum(stratum.counts), 0.0, 0
    if not total:
        return 0.0, 0
    for count, part in zip(stratum.counts, stratum.expected, strict=True):
        if part:
            arms += 1
            statistic += float((count - total * part) ** 2 / (total * part))
        elif count:
            return math.inf, max(arms, 1)
    return statistic, arms - 1


def chi_square_tail(statistic: float, degrees: int) -> float:
    """How often a chi-square variable of so many degrees of freedom is at least `statistic`; without freedom, 1.

    The finite sums of Abramowitz and Stegun, 26.4.4 (odd degrees) and 26.4.5 (even): every term is positive, so that
    nothing cancels out. Terms are taken by their logarithms, for large statistics have small ones.
    """
    if degrees == 0:
        return 1.0 if statistic < math.inf else 0.0
    half = statistic / 2
    if half <= 0:
        return 1.0
    if math.isinf(half):
        return 0.0
    powers = [number + degrees % 2 / 2 for number in range(degrees // 2)]
    sum_of_terms = math.fsum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers)
    return min(1.0, sum_of_terms + (math.erfc(math.sqrt(half)) if degrees % 2 else 0.0))
