"""Shares of an amount that add up to it: the method of the largest remainder (Hamilton's)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def allocated(total: int, weights: Sequence[Fraction]) -> tuple[int, ...]:
    """`total` (not below zero) in whole parts in proportion to the weights, which are not negative.

    Each part is its exact share rounded down; what is left goes, one each, to the largest remainders, the earlier
    first. Weights of nothing share alike.
    """
    whole = sum(weights)
    shares = [total * weight / whole if whole else Fraction(total, len(weights)) for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda place: parts[place] - shares[place])
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return tuple(parts)
