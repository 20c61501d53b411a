"""Which arm a customer is in: worked out from the customer's id, then kept.

    hash     = XXH64(customer id, seed XXH64(salt))          both as UTF-8, the inner one with seed 0
    fraction = hash / 2**64                                  from 0 up to and without 1
    arm      = the first whose shares so far are more than the fraction, else the rest

So growing the first arm keeps everybody who is in it, and anybody can work out an assignment without Carpe. What was
assigned is stored and goes before the formula: editing the shares moves nobody who has met the experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.experiments.experiment import Experiment
from engine.hashing import RANGE, Hashes, text_hash, text_hashes

Codes = npt.NDArray[np.int64]


class Assigned(NamedTuple):
    """The arm of each customer, as a place in `Experiment.arms`, and which of them are `new` and must be stored.

    A customer who is given more than once is new at the first place only.
    """

    arm: Codes
    new: npt.NDArray[np.bool_]


def arms(customers: pa.Array | pa.ChunkedArray, experiment: Experiment, stored: Mapping[str, str]) -> Assigned:
    """The arm of each customer (ids, strings, any order). `stored` are arms by customer, as first assigned.

    A stored arm that the experiment no longer has is nobody's: the customer is assigned anew.
    """
    distinct, place, is_first = _distinct(customers)
    assigned = _places(text_hashes(distinct, _seed(experiment)), experiment)
    is_new = np.ones(len(distinct), np.bool_)
    if stored:
        numbers = {name: number for number, name in enumerate(experiment.arms)}
        kept = [numbers.get(stored.get(one, ""), -1) for one in distinct.to_pylist()]
        is_new = np.array(kept, np.int64) < 0
        assigned = np.where(is_new, assigned, kept)
    return Assigned(assigned[place], is_first & is_new[place])


def arm(customer: str, experiment: Experiment, stored: str | None = None) -> str:
    """The arm of one customer, by its name: what `arms` says of a column of one."""
    if stored is not None and stored in experiment.arms:
        return stored
    mine = text_hash(customer, _seed(experiment))
    return experiment.arms[sum(edge <= mine for edge in experiment.edges())]


def _distinct(customers: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Codes, npt.NDArray[np.bool_]]:
    """The ids without repeats, in order of appearance; each row's place among them, and where it is the first."""
    plain = customers.combine_chunks() if isinstance(customers, pa.ChunkedArray) else customers
    encoded = plain.cast(pa.string()).dictionary_encode()
    place = encoded.indices.to_numpy().astype(np.int64)
    return encoded.dictionary, place, np.diff(np.maximum.accumulate(place), prepend=-1) > 0


def _seed(experiment: Experiment) -> int:
    return text_hash(experiment.salt)


def _places(hashes: Hashes, experiment: Experiment) -> Codes:
    """How many arms end at or before each hash; an arm that ends with the range ends before none."""
    edges = np.array([edge for edge in experiment.edges() if edge < RANGE], np.uint64)
    return np.searchsorted(edges, hashes, side="right").astype(np.int64)
