"""The contact policy of a ruleset, as `check` needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Policies
from dsl.choices import Purpose
from dsl.contact_policies import ANY
from dsl.typed import Rule
from dsl.windows import Window
from engine.contacts.columns import MARKETING, SERVICE, Bits, Ints, Mask

MOST_CHANNELS = 64

PURPOSES = {Purpose.MARKETING: MARKETING, Purpose.SERVICE: SERVICE}


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """`channels` are the catalog's in order; `once` has the rules (places) of each window of an `at most once per`."""

    channels: tuple[str, ...]
    once: Mapping[Window, Ints]
    said: Policies

    def bits(self, channels: Iterable[str]) -> int:
        """A set of channels as a number; `any` is all of them."""
        names = tuple(channels)
        return sum(1 << place for place, name in enumerate(self.channels) if name in names or ANY in names)

    def names(self, bits: int) -> tuple[str, ...]:
        """The channels of such a number, in the catalog's order."""
        return tuple(name for place, name in enumerate(self.channels) if bits >> place & 1)


def contact_policy(catalog: Catalog, rules: Sequence[Rule]) -> ContactPolicy:
    """What the catalog and the clauses of these rules say. Raises ValueError beyond 64 channels."""
    if len(catalog.channels) > MOST_CHANNELS:
        raise ValueError(f"A catalog has at most {MOST_CHANNELS} channels; this one has {len(catalog.channels)}.")
    once: dict[Window, list[int]] = {}
    for place, rule in enumerate(rules):
        if rule.at_most_once is not None:
            once.setdefault(rule.at_most_once, []).append(place)
    by_window = {window: np.array(places, np.int64) for window, places in once.items()}
    return ContactPolicy(catalog.channels, by_window, catalog.policies)


def flags(policies: Policies) -> tuple[str, ...]:
    """The flags of the customer that say which channels are open."""
    named = (policies.consent, policies.service_consent, policies.suppression)
    return tuple(dict.fromkeys(flag for one in named for flag in one.values()))


@dataclass(frozen=True, slots=True)
class Leave:
    """What customers leave open, one row each: channels that they take marketing on, service on, anything on."""

    marketing: Bits
    service: Bits
    unsuppressed: Bits

    def consented(self, rows: Ints, purpose: Ints) -> Bits:
        """The channels with consent to the purpose of each candidate, whose customer is at a place in `rows`."""
        return np.where(purpose == SERVICE, self.service[rows], self.marketing[rows])


def leave(policy: ContactPolicy, columns: Mapping[str, pa.Array | pa.ChunkedArray], count: int) -> Leave:
    """From the customers' flags (bool columns by name, of `count` rows).

    Marketing needs a flag that is true, wherever the catalog asks for one: nothing recorded is no consent. Service is
    refused by a flag that is false, where the catalog asks for one. A channel is suppressed by a flag that is true.
    """
    everything = np.full(count, policy.bits([ANY]), np.uint64)
    marketing, service, unsuppressed = everything.copy(), everything.copy(), everything.copy()
    for channel, flag in policy.said.consent.items():
        _close(marketing, policy.bits([channel]), ~_is(columns[flag], value=True))
    for channel, flag in policy.said.service_consent.items():
        _close(service, policy.bits([channel]), _is(columns[flag], value=False))
    for channel, flag in policy.said.suppression.items():
        _close(unsuppressed, policy.bits([channel]), _is(columns[flag], value=True))
    return Leave(marketing, service, unsuppressed)


def _close(bits: Bits, channels: int, rows: Mask) -> None:
    bits[rows] &= ~np.uint64(channels)


def _is(column: pa.Array | pa.ChunkedArray, *, value: bool) -> Mask:
    """Where a flag is known and has this value."""
    return np.asarray(pc.fill_null(pc.equal(column, value), False), np.bool_)
