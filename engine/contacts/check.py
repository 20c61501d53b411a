"""May these contacts be made? One answer for batches, events and the claim of a delivery.

Each candidate begins with all channels of its rule. What stands against the contact closes them: a suppressed customer,
missing consent, the rule's own `at most once per`, cool-downs, too little time between offers, caps, quiet hours. Each
asks by itself, so their order changes no channel; the cause is the first, in the order above, with which none is left.
Rows know nothing of each other: what wins is made known by `Contacts.plus` before the next is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from dsl.choices import Purpose
from dsl.contact_policies import ANY, QuietHours
from dsl.windows import Window
from engine.contacts import reasons
from engine.contacts.columns import NOTHING, Bits, Candidates, Contacts, Declines, Ints, Mask
from engine.contacts.policy import PURPOSES, ContactPolicy
from engine.contacts.quiet import open_from
from engine.contacts.windows import Seen, Timeline


@dataclass(frozen=True, slots=True)
class Before:
    """What happened to the customers of some candidates, as far back and forth as the longest window reaches.

    When a delivery is claimed, without the contact it belongs to.
    """

    contacts: Contacts
    declines: Declines


class Cause(NamedTuple):
    """Why channels are closed: a code of `reasons`, and what it is about (a channel, a time, a cap)."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row a candidate: the channels that are `open`, and where none is, the `cause` (a place in `causes`, else -1).

    `send_at` has, of the channels (places) whose quiet hours make wait, the first instant that each candidate may be
    sent; on the others it may be sent at its `earliest`.
    """

    open: Bits
    cause: Ints
    causes: tuple[Cause, ...]
    send_at: dict[int, Ints]


Closed = Iterator[tuple[Cause, Mask | None, int]]
"""A cause, the candidates it is true of (None: of nobody), and the channels that it closes for them."""


def check(candidates: Candidates, before: Before, policy: ContactPolicy) -> Verdict:
    """The channels on which each candidate may be met, the cause where there is none, and from when on."""
    order = np.argsort(candidates.customer, kind="stable")
    back = np.argsort(order)
    found = _checked(candidates.take(order), Before(before.contacts.ordered(), before.declines.ordered()), policy)
    waiting = {place: instants[back] for place, instants in found.send_at.items()}
    return Verdict(found.open[back], found.cause[back], found.causes, waiting)


def _checked(candidates: Candidates, before: Before, policy: ContactPolicy) -> Verdict:
    """Of candidates in order of customers (neighbours ask neighbouring memory) and what was before in its own order."""
    open_ = candidates.channels.copy()
    cause = np.full(len(candidates), -1, np.int64)
    causes: list[Cause] = []
    for one, rows, channels in chain(
        _not_left_open(candidates, policy),
        _once(candidates, before.contacts, policy),
        _cool_downs(candidates, before, policy),
        _caps(candidates, before.contacts, policy),
        _held_by_quiet_hours(candidates, policy),
    ):
        if rows is not None:
            was_open = open_ != 0
            open_[rows] &= ~np.uint64(channels)
            cause[was_open & (open_ == 0)] = len(causes)
        causes.append(one)
    return Verdict(open_, cause, tuple(causes), send_at(candidates, policy))


def _not_left_open(candidates: Candidates, policy: ContactPolicy) -> Closed:
    """Channels that the customer closed to everything, or did not open to the purpose."""
    everything = np.uint64(policy.bits([ANY]))
    for reason, left in ((reasons.SUPPRESSED, candidates.unsuppressed), (reasons.NO_CONSENT, candidates.consented)):
        is_open = bool((left & everything == everything).all())
        for place, channel in enumerate(policy.channels):
            bit = 1 << place
            yield Cause(reason, channel), None if is_open else (left & np.uint64(bit)) == 0, bit


# --- what happened before --------------------------------------------------------------------------------------------


def _once(candidates: Candidates, contacts: Contacts, policy: ContactPolicy) -> Closed:
    """A rule's own `at most once per`, for all rules with the same window at once."""
    for window, rules in policy.once.items():
        closed = None
        if len(contacts) and (asked := np.isin(candidates.rule, rules)).any():
            timeline = _Known(contacts.customer, contacts.rule, contacts.at, contacts.ghost)
            known = timeline.some(np.isin(contacts.rule, rules))
            closed = known.leaves_no_room(candidates, candidates.rule, asked, 1, window)
        yield Cause(reasons.MET_LATELY, str(window)), closed, policy.bits([ANY])


def _cool_downs(candidates: Candidates, before: Before, policy: ContactPolicy) -> Closed:
    """Of a product after it was declined and after it was offered, and of any offer after any other."""
    contacts, declines, said = before.contacts, before.declines, policy.said
    product, nobody = candidates.product, np.zeros(len(declines.at), np.bool_)
    declined = _Known(declines.customer, declines.product, declines.at, nobody)
    offered = _Known(contacts.customer, contacts.product, contacts.at, contacts.ghost).some(contacts.product != NOTHING)
    anything = offered.whatever()
    for reason, window, known, thing in (
        (reasons.DECLINED_LATELY, said.after_decline, declined, product),
        (reasons.OFFERED_LATELY, said.after_offer, offered, product),
        (reasons.TOO_SOON, said.between_offers, anything, np.zeros_like(product)),
    ):
        if window is not None:
            closed = known.leaves_no_room(candidates, thing, product != NOTHING, 1, window)
            yield Cause(reason, str(window)), closed, policy.bits([ANY])


def _caps(candidates: Candidates, contacts: Contacts, policy: ContactPolicy) -> Closed:
    everyone = np.zeros(len(candidates), np.int64)
    for cap in policy.said.caps:
        bits, closed = policy.bits([cap.channel]), None
        if len(contacts):
            counted = _is_of(cap.purpose, contacts.purpose) & ((contacts.channels & np.uint64(bits)) != 0)
            known = _Known(contacts.customer, contacts.rule, contacts.at, contacts.ghost).some(counted).whatever()
            asked = _is_of(cap.purpose, candidates.purpose) & ((candidates.channels & np.uint64(bits)) != 0)
            closed = known.leaves_no_room(candidates, everyone, asked, cap.at_most, cap.per)
        yield Cause(reasons.CAPPED, str(cap)), closed, bits


def _is_of(purpose: Purpose | None, column: Ints) -> Mask:
    if purpose is None:
        return np.ones(len(column), np.bool_)
    return np.equal(column, PURPOSES[purpose])


@dataclass(frozen=True, slots=True)
class _Known:
    """What happened to customers with some `thing` (a rule, a product), by customer and instant."""

    customer: Ints
    thing: Ints
    at: Ints
    ghost: Mask

    def some(self, rows: Mask) -> _Known:
        return _Known(self.customer[rows], self.thing[rows], self.at[rows], self.ghost[rows])

    def whatever(self) -> _Known:
        """All things as one."""
        return _Known(self.customer, np.zeros_like(self.thing), self.at, self.ghost)

    def leaves_no_room(
        self, candidates: Candidates, thing: Ints, asked: Mask, at_most: int, window: Window
    ) -> Mask | None:
        """Which of the candidates asked (with their thing) would be one too many in a window; None: nobody."""
        rows = np.flatnonzero(asked)
        if not len(self.at) or not rows.size:
            return None
        things = 1 + max(int(self.thing.max()), int(thing[rows].max()))
        key = candidates.customer[rows] * things + thing[rows]
        seen = Seen(key, candidates.at[rows], candidates.zone[rows], candidates.zones)
        timeline = Timeline.of(self.customer * things + self.thing, self.at, self.ghost)
        closed = np.zeros(len(candidates), np.bool_)
        closed[rows] = ~timeline.has_room(seen, at_most, window)
        return closed


# --- quiet hours -----------------------------------------------------------------------------------------------------


def _held_by_quiet_hours(candidates: Candidates, policy: ContactPolicy) -> Closed:
    for channel, hours in policy.said.quiet.items():
        if hours.hold:
            waits = _open_from(candidates, hours) > candidates.earliest
            yield Cause(reasons.QUIET_HOURS, channel), waits, policy.bits([channel])


def send_at(candidates: Candidates, policy: ContactPolicy) -> dict[int, Ints]:
    """Of each channel (its place) whose quiet hours make wait, the first instant that each candidate may be sent."""
    waiting = {channel: hours for channel, hours in policy.said.quiet.items() if not hours.hold}
    found = {hours: _open_from(candidates, hours) for hours in dict.fromkeys(waiting.values())}
    return {policy.channels.index(channel): found[hours] for channel, hours in waiting.items()}


def _open_from(candidates: Candidates, hours: QuietHours) -> Ints:
    """When each candidate's quiet hours end, or its earliest where they are not for its purpose."""
    if not (is_meant := _is_of(hours.purpose, candidates.purpose)).any():
        return candidates.earliest
    later = open_from(candidates.earliest, candidates.zone, candidates.zones, hours)
    return np.where(is_meant, later, candidates.earliest)
