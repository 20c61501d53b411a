"""One propensity a candidate: expected, drawn, or brought by the user.

*Expected* is the mean of what is believed of the candidate's offer and segment. *Drawn* is Thompson sampling: a rate
drawn from what is believed, so that what is little known wins now and then and becomes known (Thompson 1933; Chapelle
and Li, An Empirical Evaluation of Thompson Sampling, 2011). The draw hangs on the seed, the customer, the offer and the
occasion alone, never on the order of rows: a batch, a single event, a preview and a replay draw the same.

    u = XXH64(customer, seed XXH64(occasion, seed XXH64(offer, seed)))      as a number between 0 and 1
    rate = the u-quantile of Beta(a, b)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.hashing import Hashes, text_hashes, uniforms
from engine.propensity.beta import quantiles
from engine.propensity.outcomes import Codes, Floats
from engine.propensity.pooling import Beliefs


def expected(beliefs: Beliefs, offer: Codes, segment: Codes) -> Floats:
    """The mean rate of each candidate; `offer` and `segment` are places in the beliefs' arrays."""
    return np.asarray(beliefs.mean[offer, segment], np.float64)


def drawn(beliefs: Beliefs, offer: Codes, segment: Codes, uniform: Floats) -> Floats:
    """A rate drawn for each candidate, given its number between 0 and 1 (`draws`)."""
    cells, place = np.unique(offer * beliefs.a.shape[1] + segment, return_inverse=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(cells)))
    rates = np.empty(len(offer))
    for rows, a, b in zip(np.split(order, ends[:-1]), beliefs.a.flat[cells], beliefs.b.flat[cells], strict=True):
        rates[rows] = quantiles(uniform[rows], float(a), float(b))
    return rates


def draws(seed: int, customers: pa.Array, offers: pa.Array, occasions: pa.Array) -> Floats:
    """A number strictly between 0 and 1 for each candidate: columns of ids of customers, names of offers, keys of
    occasions (strings or dictionaries of them).

    `seed` is a whole number from 0 up to and without 2**64; another seed draws anew for everybody.
    """
    by_offer: Hashes = text_hashes(offers, seed)
    return uniforms(text_hashes(customers, text_hashes(occasions, by_offer)))


def brought(learned: Floats, own: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The user's own rates (one, or one a candidate) where they are rates, from 0 to 1; else the learned ones.

    Also tells which are the user's: what is missing (NaN) or no rate must not pass unseen.
    """
    own = np.broadcast_to(own, learned.shape)
    is_rate = (own >= 0) & (own <= 1)
    return np.where(is_rate, own, learned), is_rate
