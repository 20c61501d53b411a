"""What a scheduled moment asks of everybody on a day, whatever they are read from: rows of the database or columns.

Both ways give a *narrow* table first, one row a (customer, subscription or none) pair:

| column     | type               |                                                           |
|------------|--------------------|-----------------------------------------------------------|
| `which`    | string             | the subscription's id, null for a customer without any    |
| `zone`     | dictionary, string | the customer's                                            |
| `status`   | dictionary, string | the subscription's                                        |
| `interval` | dictionary, string | how often it is billed                                    |
| `anchor`   | date32             | the date that the moment hangs on; not on a calendar date |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.catalog import Catalog, Owner
from dsl.typed import Attribute, MomentUse
from engine.moments.occurring import NONE, Bools, Numbers, Occurring, by_entry
from engine.moments.subjects import Statuses, concerns

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gate:
    """A moment on a day: whose it is, the date it hangs on, and which dates have an occurrence.

    `attribute` is None on a calendar date, which is everybody's if it is `today`.
    """

    owner: Owner
    statuses: Statuses
    attribute: str | None
    occurring: Occurring | None
    name: str
    today: bool = True

    @property
    def by_billing(self) -> bool:
        """Whether the billing interval is read."""
        return self.occurring is not None and self.occurring.by_billing

    @property
    def names(self) -> Sequence[str]:
        """The occurrences' names, by number."""
        return [self.name] if self.occurring is None else self.occurring.names

    @property
    def possible_names(self) -> Sequence[str]:
        """The names that occurrences have on the day, whether or not anybody has one."""
        return [self.name] if self.occurring is None else self.occurring.possible_names

    def numbers(self, narrow: pa.RecordBatch, *, count_unknown: bool) -> Numbers:
        """The number of each row's occurrence, NONE or WITHOUT_INTERVAL."""
        if self.occurring is None:
            return np.full(narrow.num_rows, 0 if self.today else NONE, np.int8)
        intervals = narrow["interval"] if self.by_billing else None
        return self.occurring.numbers(narrow["anchor"], intervals, count_unknown=count_unknown)

    def concerned(self, narrow: pa.RecordBatch) -> Bools:
        """Which rows pass the moment's `while:`; a customer without subscriptions does."""
        passes: Bools = by_entry(narrow["status"], lambda status: concerns(self.statuses, status)) == 1
        if self.owner is Owner.CUSTOMER and narrow["which"].null_count:
            passes |= np.asarray(narrow["which"].is_null().to_numpy(zero_copy_only=False))
        return passes


def gate_of(catalog: Catalog, use: MomentUse, day: dt.date) -> Gate:
    """What `use` asks on local date `day`."""
    on = day - dt.timedelta(days=use.offset)
    if use.date is not None:
        return Gate(Owner.CUSTOMER, None, None, None, use.moment, today=use.date == on)
    moment = catalog.moments[use.moment]
    return Gate(moment.owner, moment.statuses, moment.attribute, Occurring(moment, on), moment.name)


@dataclass(frozen=True, slots=True)
class Question:
    """What to find: the due with their `attributes`, or, `counting`, all that the counts before the gate need."""

    gate: Gate
    zones: frozenset[str] | None
    attributes: tuple[Attribute, ...] = ()
    counting: bool = False

    def rows(self, narrow: pa.RecordBatch) -> tuple[Rows, Numbers]:
        """The rows that are asked for, in their order, and the number of each one's occurrence."""
        numbers = self.gate.numbers(narrow, count_unknown=self.counting)
        rows = np.flatnonzero(numbers != NONE)
        if self.zones is not None:
            zones = self.zones
            rows = rows[by_entry(narrow["zone"].take(pa.array(rows)), lambda zone: zone in zones) == 1]
        if not self.counting:
            rows = rows[self.gate.concerned(narrow.select(["which", "status"]).take(pa.array(rows)))]
        return rows, numbers[rows]
