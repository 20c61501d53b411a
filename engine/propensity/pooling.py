"""Acceptance rates of offers by segment, each as sure of itself as its data allow.

The model is a hierarchy of Beta-Binomials (Gelman et al., Bayesian Data Analysis, 3rd edition, chapter 5). There is a
rate of all offers, with a stated prior. An offer's rate varies around it and a segment's rate around its offer's; how
much is a *spread*, in customers: the rate of a child is Beta distributed around its parent's as after so many. What a
segment shows itself is counted in full, so that with data the prior stops to matter.

What a cell (offer, segment) believes before its own data comes from everything else: the other segments of the offer,
then the other offers. Nothing is counted twice. Two rules carry knowledge from one level to the next; they match means
and variances, for the exact answer has no closed form:

- Down. A parent known as well as after K customers tells its child as much as K k / (K + k + 1), k the spread (law of
  total variance). However much is known of the parent, a new segment is known no better than the spread.
- Up. n customers of one child tell their parent as much as n (k + 1) / (n + k) (the design effect of a cluster).
  However many were asked, one segment tells of its offer no more than its spread.

Spreads are learned too: the mean of their logarithm, over powers of two from 2 to 4096 that were equally likely before,
weighted by the Beta-Binomial probability of the counts. A parent's rate is itself guessed from its children; without
Laplace's approximation of the integral over it they would seem more alike than they are. Without two children to
compare, the spread is about 91.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma

import numpy as np

from engine.propensity.beta import quantiles
from engine.propensity.outcomes import Floats, Outcomes, Prior

SPREADS = 2.0 ** np.arange(1, 13)


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The rate of each cell is Beta(a, b): float64[offers, segments] each. The spreads tell how the cells differ."""

    a: Floats
    b: Floats
    offer_spread: float
    segment_spread: float

    @property
    def mean(self) -> Floats:
        """The expected rates."""
        return self.a / (self.a + self.b)

    def interval(self, offer: int, segment: int, level: float = 0.9) -> tuple[float, float]:
        """The credible interval of a cell: its rate is as likely below as above it."""
        tail = (1 - level) / 2
        a, b = float(self.a[offer, segment]), float(self.b[offer, segment])
        low, high = quantiles(np.array([tail, 1 - tail]), a, b)
        return float(low), float(high)


def learn(outcomes: Outcomes, prior: Prior | None = None) -> Beliefs:
    """What the outcomes so far say of every offer in every segment, also of those that nobody was shown."""
    prior = prior or Prior()
    shown, accepted = outcomes.shown.astype(np.float64), outcomes.accepted.astype(np.float64)
    own_data = _Evidence(shown, accepted)
    segment_spread = _spread(own_data, prior)
    cells = own_data.told_upwards(segment_spread)
    offers = cells.summed(axis=1)
    offer_spread = _spread(_Evidence(offers.size[None, :], offers.accepted[None, :]), prior)
    told = offers.told_upwards(offer_spread)
    everything = _Evidence(
        prior.strength + told.size.sum() - told.size, prior.mean * prior.strength + told.accepted.sum() - told.accepted
    )
    above = everything.told_downwards(offer_spread)
    others = _Evidence(
        (above.size + offers.size)[:, None] - cells.size, (above.accepted + offers.accepted)[:, None] - cells.accepted
    )
    own = others.told_downwards(segment_spread)
    a = own.accepted + accepted
    return Beliefs(a, own.size + shown - a, offer_spread, segment_spread)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """As much as so many customers (`size`), of whom so many accepted, would tell of a rate."""

    size: Floats
    accepted: Floats

    def told_upwards(self, spread: float) -> _Evidence:
        """What it tells of the parent's rate; no customers tell nothing."""
        return self._scaled(np.where(self.size > 0, (spread + 1) / (self.size + spread), 0.0))

    def told_downwards(self, spread: float) -> _Evidence:
        """What it tells of a child's rate."""
        return self._scaled(spread / (self.size + spread + 1))

    def summed(self, axis: int) -> _Evidence:
        return _Evidence(self.size.sum(axis), self.accepted.sum(axis))

    def _scaled(self, factor: Floats) -> _Evidence:
        return _Evidence(self.size * factor, self.accepted * factor)


# --- spreads ---------------------------------------------------------------------------------------------------------


def _spread(children: _Evidence, prior: Prior) -> float:
    """How children vary around their parents: evidence [parents, children], one spread for all parents."""
    compared = (children.size > 0).sum(1) > 1
    some = _Evidence(children.size[compared], children.accepted[compared])
    likely = np.array([_log_likelihood(some, prior, one) for one in SPREADS])
    weights = np.exp(likely - likely.max())
    return float(np.exp2(np.average(np.log2(SPREADS), weights=weights)))


def _log_likelihood(children: _Evidence, prior: Prior, spread: float) -> float:
    """Of Beta-Binomial counts around each parent's rate, without what does not hang on the spread."""
    total = children.summed(axis=1)
    rate = (total.accepted + prior.mean) / (total.size + 1)  # one customer of the prior keeps it off 0 and 1
    there = children.size > 0
    shown, accepted = children.size[there], children.accepted[there]
    mean = np.broadcast_to(rate[:, None], there.shape)[there]
    a, b = mean * spread, (1 - mean) * spread
    found = _lgamma(accepted + a) - _lgamma(a) + _lgamma(shown - accepted + b) - _lgamma(b)
    constant = len(shown) * lgamma(spread)
    known = children.told_upwards(spread).summed(axis=1).size
    return float(found.sum() - _lgamma(shown + spread).sum() + constant - np.log(known).sum() / 2)


def _lgamma(values: Floats) -> Floats:
    return np.fromiter(map(lgamma, values.tolist()), np.float64, len(values))
