"""`python -m tests.torture.experiments [CUSTOMERS] [SALTS]`: even arms, independent experiments, less and less regret.

A million customers and fifty salts by default. If the hash is even, the p-values of fifty chi-square tests are spread
evenly themselves; so are those of the tables of two experiments. Then populations with known rates are asked again and
again: what Thompson sampling, greed and chance lose against who knows the rates, and what is believed in the end.
"""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine.experiments.assignment import arms
from engine.experiments.experiment import Experiment, Share
from engine.experiments.sample_ratio import Stratum, sample_ratio
from tests.test_propensity import DAYS, TRUE, greedy, lost, thompson, uniform

SHARES = tuple(Share(name, Decimal(percent)) for name, percent in (("a", "10"), ("b", "25"), ("c", "33.3")))


def prove_even(customers: pa.Array, salts: int) -> tuple[list[float], list[float]]:
    """The p-values of each experiment's sizes, and of each two as a table of what goes with what."""
    experiments = [Experiment(f"split:rule_{number}", SHARES, "control") for number in range(salts)]
    expected = experiments[0].expected()
    sizes, tables, previous = [], [], None
    for experiment in experiments:
        mine = arms(customers, experiment, {}).arm
        sizes.append(sample_ratio([Stratum(np.bincount(mine, minlength=4).tolist(), expected)]).p_value)
        if previous is not None:
            joint = np.bincount(previous * 4 + mine, minlength=16).tolist()
            tables.append(sample_ratio([Stratum(joint, _products(expected))]).p_value)
        previous = mine
    return sizes, tables


def _products(parts: tuple[Fraction, ...]) -> list[Fraction]:
    return [one * other for one in parts for other in parts]


def tell(what: str, p_values: list[float]) -> None:
    """Their least, and how far they are from evenly spread (Kolmogorov and Smirnov)."""
    ordered, count = np.sort(p_values), len(p_values)
    steps = np.arange(count + 1) / count
    distance = max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())
    print(f"{what}: {count} p-values, least {ordered[0]:.4f}, distance from even {distance:.3f}")
    assert ordered[0] > 0.001 / count
    assert distance < 1.95 / np.sqrt(count), "one time in a thousand"


def tell_regret(worlds: int) -> None:
    for name, choose in (("Thompson sampling", thompson), ("greed", greedy), ("chance", uniform)):
        runs = [lost(choose, seed) for seed in range(worlds)]
        quarters = np.mean([losses for losses, _ in runs], axis=0).reshape(4, -1).sum(1)
        best = TRUE.argmax(0)
        found = np.mean([beliefs.mean.argmax(0) == best for _, beliefs in runs])
        error = np.mean([np.abs(beliefs.mean[best, range(3)] - TRUE.max(0)) for _, beliefs in runs])
        told = ", ".join(f"{loss:.0f}" for loss in quarters)
        print(f"{name}: lost {quarters.sum():.0f} acceptances in {DAYS} days ({told} by quarter)")
        print(f"    best offer of a segment found in {found:.0%}, its rate off by {error:.4f}")
        if choose is thompson:
            assert quarters[3] < quarters[0] / 3
            assert found > 0.9


def main() -> None:
    started = time.monotonic()
    count, salts = (int(sys.argv[n]) if len(sys.argv) > n else otherwise for n, otherwise in ((1, 1_000_000), (2, 50)))
    customers = pa.array([f"customer-{number}" for number in range(count)])
    sizes, tables = prove_even(customers, salts)
    tell(f"arms of {count:,} customers", sizes)
    tell("pairs of experiments", tables)
    tell_regret(40)
    print(f"proved in {time.monotonic() - started:.0f} seconds")


if __name__ == "__main__":
    main()
