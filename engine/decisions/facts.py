"""Facts: what deciding reads of a batch's rows, as small numbers, and what was said of them before.

A batch makes its facts from its columns (`batch_facts`); the way of one event makes them from one customer's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.budgets.candidates import Room
from engine.contacts.check import Before as Contacted
from engine.contacts.policy import Leave
from engine.decisions.rule_table import Bools, Ints

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Facts:
    """Arrays with a place a row of the batch.

    `occasion` numbers customer and instant from 0 on, in that order. `place` orders the rows of an occasion by subject,
    subscription, occurrence, moment and offset. `occurrence` numbers subject and key, in any order; `has_twins` says
    whether any has several rows (a customer's moment has one a subscription). `standing` is a row of `RuleTable.fit`,
    `holds` says by product what the row has (its last column, of no product, is False), `open` has the bits of
    the channels on which the customer agreed to be met.
    """

    occasion: Ints
    place: Ints
    occurrence: Ints
    has_twins: bool
    standing: Ints
    holds: Bools  # [rows, products + 1]
    open: Ints


@dataclass(frozen=True, slots=True)
class Arms:
    """Who is in which arm, by row. `portfolio`: who is kept out of every rule; `held_out`: by number of the rule, who
    is kept out of it; `arm`: by number of the rule, the place in `Deeds.arms`. None, no entry: nothing of the kind.
    """

    portfolio: Bools | None = None
    held_out: Mapping[int, Bools] = field(default_factory=dict)
    arm: Mapping[int, Ints] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the contact policy asks, by row, where it says more than who agreed to what.

    `customer` numbers customers as those of `contacted` are; `at` are microseconds of Unix time, `zone` places in
    `zones`.
    """

    customer: Ints
    at: Ints
    zone: Ints
    zones: tuple[str, ...]
    leave: Leave
    contacted: Contacted


@dataclass(frozen=True, slots=True)
class Priced:
    """What some candidates come to. `reason` is a number of `reasons.CODES` where there is no price, `detail` what it
    is about, a number of `texts` or -1. `value` is in major units of the currency; `cost`, what is given away, in minor
    units of `currency`, a number of `currencies` or -1.
    """

    reason: npt.NDArray[np.int8]
    detail: Ints
    texts: tuple[str, ...]
    value: Floats
    cost: Ints
    currency: Ints
    currencies: tuple[str, ...]


class Prices(Protocol):
    """Knows what offers come to."""

    def priced(self, row: Ints, asked: Ints) -> Priced:
        """For rows of the batch, each with a number of `Deeds.offers`."""


class Propensity(Protocol):
    """Knows how likely offers are accepted."""

    def rate(self, row: Ints, product: Ints) -> Floats:
        """For rows of the batch, each with the number of a product: from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is left of the limits of rules (their numbers), and who the rows' customers are.

    `reasons` and `names` say of each limit what is told where it has no room: a number of `reasons.CODES` and a text.
    """

    rooms: tuple[Room, ...]
    reasons: npt.NDArray[np.int8]
    names: tuple[str, ...]
    customer: Ints  # by row, in the order of their ids: so equal values are taken


@dataclass(frozen=True, slots=True)
class Before:
    """What was said before. `taken` names by row (a number of `names`, or -1) the rule that won the row's occurrence.

    `paused` has a place a rule. `standing_offers` says by row and product where an offer is open. None: nothing of the
    kind.
    """

    taken: Ints | None = None
    names: tuple[str, ...] = ()
    paused: Bools | None = None
    arms: Arms = Arms()
    standing_offers: Bools | None = None  # [rows, products + 1]
    reach: Reach | None = None
    prices: Prices | None = None
    propensity: Propensity | None = None
    limits: Limits | None = None
