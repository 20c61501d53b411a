"""What the contact policy works on: candidates, and the contacts and declines there were before.

Customers, rules, products and zones are places in lists of the caller's; a set of channels is a number whose bit n
stands for the n-th channel of the catalog. Instants are microseconds of Unix time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

NOTHING = -1
"""In place of a product where there is none, or of a rule that is no more."""

MARKETING, SERVICE = 0, 1
"""The purposes, as they stand in columns."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Contacts that may be made, one a row, in any order.

    `at` is when the occasion is due: windows look back and forth from there, so that a decision that comes late, or is
    repeated, counts where it belongs. `earliest` is when it could be sent at the earliest: `at` when it is decided, now
    when a delivery is claimed. `channels` are those of the rule; `consented` and `unsuppressed` those that the customer
    leaves open for its purpose. `zone` is a place in `zones`.
    """

    customer: Ints
    rule: Ints
    product: Ints
    purpose: Ints
    channels: Bits
    consented: Bits
    unsuppressed: Bits
    at: Ints
    earliest: Ints
    zone: Ints
    zones: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: Ints) -> Candidates:
        """Some of the rows."""
        columns = {each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name != "zones"}
        return Candidates(**columns, zones=self.zones)


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts that were made: offered or said, whatever became of their deliveries unless all were withheld.

    A `ghost` is a hold-out's: it would have been made. It counts for later and earlier occasions as a contact does, not
    for its own, where other rules may win instead.
    """

    customer: Ints
    rule: Ints
    product: Ints
    purpose: Ints
    channels: Bits
    at: Ints
    ghost: Mask

    def __len__(self) -> int:
        return len(self.customer)

    def plus(self, more: Contacts) -> Contacts:
        """Both together."""
        pairs = ((getattr(self, each.name), getattr(more, each.name)) for each in fields(self))
        return Contacts(*(np.concatenate(pair) for pair in pairs))

    def some(self, rows: Mask | Ints | slice) -> Contacts:
        """Those rows only."""
        return Contacts(*(getattr(self, each.name)[rows] for each in fields(self)))

    def ordered(self) -> Contacts:
        """By customer and instant; at the same instant ghosts come last."""
        return self.some(_order(self.customer, self.at, self.ghost))

    @staticmethod
    def none() -> Contacts:
        whole, bits = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        return Contacts(whole, whole, whole, whole, bits, whole, np.zeros(0, np.bool_))


@dataclass(frozen=True, slots=True)
class Declines:
    """Offers that customers declined."""

    customer: Ints
    product: Ints
    at: Ints

    def some(self, rows: Mask | Ints | slice) -> Declines:
        """Those rows only."""
        return Declines(self.customer[rows], self.product[rows], self.at[rows])

    def ordered(self) -> Declines:
        """By customer and instant."""
        return self.some(_order(self.customer, self.at))

    @staticmethod
    def none() -> Declines:
        whole = np.zeros(0, np.int64)
        return Declines(whole, whole, whole)


def _order(*columns: Ints | Mask) -> Ints | slice:
    """The order of rows by the first column, then the next; a slice of everything where that is their order."""
    is_tied = np.ones(max(len(columns[0]) - 1, 0), np.bool_)
    for column in columns:
        if (is_tied & (column[1:] < column[:-1])).any():
            return np.lexsort(columns[::-1])
        is_tied &= column[1:] == column[:-1]
    return slice(None)


def made(candidates: Candidates, channels: Bits, ghost: Mask) -> Contacts:
    """The contacts that candidates become when they are made on these channels."""
    return Contacts(
        candidates.customer,
        candidates.rule,
        candidates.product,
        candidates.purpose,
        channels,
        candidates.at,
        ghost,
    )
