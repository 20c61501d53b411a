"""Who wins the slots of each occasion, candidate after candidate, as if each customer were served by a clerk.

The clerk goes through a customer's candidates by instant, then rank. A candidate that the contact policy leaves no
channel is held. One whose open channels have no free slot on the occasion is outranked. Else it wins a slot on each of
its free channels and counts as a contact for all that follow; or, if the customer is held out of its rule, it is a
ghost: it counts from other occasions' point of view, its slots stay free, and the next one may win.

A channel that the catalog's `slots` names has as many slots; all others of an occasion share a single one. Customers
know nothing of each other, so all of them are served at once, each turn the next candidate of everyone who has any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engine.contacts.check import Before, Cause, check
from engine.contacts.columns import Bits, Candidates, Contacts, Declines, Ints, Mask, made
from engine.contacts.policy import ContactPolicy


class Result(IntEnum):
    HELD = 0
    OUTRANKED = 1
    HELD_OUT = 2
    WON = 3


@dataclass(frozen=True, slots=True)
class Awards:
    """One row a candidate, as given: its `result`, the `channels` it won (or, held out, would have won), and the
    `cause` (a place in `causes`, else -1) where it is held. `send_at` is `Verdict`'s.
    """

    result: npt.NDArray[np.int8]
    channels: Bits
    cause: Ints
    causes: tuple[Cause, ...]
    send_at: dict[int, Ints]


def award(candidates: Candidates, rank: Ints, held_out: Mask, before: Before, policy: ContactPolicy) -> Awards:
    """Candidates in any order; `rank` (0 first) is unique among those of a customer and instant.

    They are contacts: one without any channel of its own is held for no cause.
    """
    found = _nothing_yet(candidates, policy)
    slots = _Slots(candidates, policy)
    pending = np.lexsort((rank, candidates.at, candidates.customer))
    while pending.size:
        is_next = np.diff(candidates.customer[pending], prepend=-1) != 0
        rows, pending = pending[is_next], pending[~is_next]
        some = candidates.take(rows)
        verdict = check(some, before, policy)
        channels = verdict.open & slots.free(rows)
        is_met = channels != 0
        is_ghost = is_met & held_out[rows]
        found.result[rows] = np.select(
            (is_ghost, is_met, verdict.open != 0), (Result.HELD_OUT, Result.WON, Result.OUTRANKED), Result.HELD
        )
        found.channels[rows], found.cause[rows] = channels, verdict.cause
        slots.take(rows[is_met & ~is_ghost], channels[is_met & ~is_ghost])
        chances = slots.free(pending) != 0
        found.result[pending[~chances]] = Result.OUTRANKED
        pending = pending[chances]
        contacts = made(some.take(np.flatnonzero(is_met)), channels[is_met], is_ghost[is_met])
        before = _of(Before(before.contacts.plus(contacts), before.declines), candidates.customer[pending])
    return found


def _nothing_yet(candidates: Candidates, policy: ContactPolicy) -> Awards:
    """Everything held for no cause; the causes and the times of sending, which do not hang on who wins."""
    known = check(candidates, Before(Contacts.none(), Declines.none()), policy)
    count = len(candidates)
    nothing = np.zeros(count, np.uint64), np.full(count, -1, np.int64)
    return Awards(np.zeros(count, np.int8), *nothing, known.causes, known.send_at)


def _of(before: Before, customers: Ints) -> Before:
    """What concerns some customers only."""
    contacts, declines = before.contacts, before.declines
    mine, theirs = np.isin(contacts.customer, customers), np.isin(declines.customer, customers)
    return replace(before, contacts=contacts.some(mine), declines=declines.some(theirs))


class _Slots:
    """How many slots each occasion has left: one column for each channel that is named, the first for all others."""

    def __init__(self, candidates: Candidates, policy: ContactPolicy) -> None:
        named = policy.said.slots
        others = [channel for channel in policy.channels if channel not in named]
        self._channels = [np.uint64(policy.bits(one)) for one in (others, *([channel] for channel in named))]
        occasions = np.stack([candidates.customer, candidates.at])
        self._occasion = np.unique(occasions, axis=1, return_inverse=True)[1].reshape(-1)
        self._left = np.tile(np.array([1, *named.values()]), (int(self._occasion.max(initial=-1)) + 1, 1))

    def free(self, rows: Ints) -> Bits:
        """The channels with a free slot on each row's occasion."""
        left = self._left[self._occasion[rows]] > 0
        found = np.zeros(len(rows), np.uint64)
        for column, channels in enumerate(self._channels):
            found[left[:, column]] |= channels
        return found

    def take(self, rows: Ints, channels: Bits) -> None:
        """Each row takes a slot of each column that any of its channels is of; rows of different occasions."""
        for column, those in enumerate(self._channels):
            self._left[self._occasion[rows], column] -= (channels & those) != 0
