"""What prices ask beside stored attributes: the segments that price lists are for, and the usage of meters.

A segment is matched like a rule, by the same code for one row and for a batch; what it asks of the past, and what
meters read, is looked up of the same store. Both become values of the row under keys of their own (`segment.students`,
`usage.calls`), from which pricing reads them like any other value: an event, a batch, a preview and the message that
goes out later all price alike.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Owner
from dsl.datatypes import Value
from dsl.typed import Historic, Ruleset, UsageOf
from engine.happenings.history import with_history
from engine.matching.history import History
from engine.matching.interpreter import holds
from engine.matching.keys import key_of
from engine.matching.plan import Plan
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.pricing.situations import SEGMENT, USAGE, quantity_keys, reads
from engine.pricing.usage import usage
from engine.store.rows import table_of

Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Priced:
    """A row that is to be priced: of a customer with one subscription or none, in a time zone, seen from the instant
    `at` on the local `day`. What prices ask is written into `row`.
    """

    customer: str
    subscription: str | None
    zone: str
    at: dt.datetime
    day: dt.date
    row: Row

    @property
    def met(self) -> Occurrence:
        """As a batch has it: of no moment."""
        return Occurrence("", 0, Owner.CUSTOMER, self.customer, self.subscription, "", self.zone, self.at)


class PriceFacts:
    """Of one ruleset. `names` are the columns and keys that are added; there are none where no price asks for any.

    `attributes` are the stored values that finding them takes, `terms` what they ask of the past.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        catalog = self._catalog = ruleset.catalog
        asked = dict.fromkeys(one.segment for one in catalog.price_lists.values() if one.segment is not None)
        self._segments = [name for name in asked if name in ruleset.segments]
        self._conditions = [ruleset.segments[name].condition for name in self._segments]
        self._plan = Plan(self._conditions)
        self._meters = [key.removeprefix(USAGE) for key in quantity_keys(catalog) if key.startswith(USAGE)]
        self.names = (*(SEGMENT + name for name in self._segments), *(USAGE + meter for meter in self._meters))
        self.attributes = tuple(dict.fromkeys((*self._plan.attributes, *reads(catalog)))) if self.names else ()
        self.terms: tuple[Historic, ...] = (*self._plan.terms, *map(UsageOf, self._meters))

    def columns(self, connection: sa.Connection, table: pa.Table, day: dt.date) -> dict[str, pa.Array]:
        """By name, for each row of a batch of local date `day`: whether it is in a segment, the usage of a meter.

        `table` has the keys of a batch and the columns of `attributes`; others do not matter.
        """
        return {**self._memberships(connection, table, day), **self._usages(connection, table)}

    def put(self, connection: sa.Connection, asking: Iterable[Priced]) -> None:
        """The same for rows of state; what is missing is left out."""
        by_day: Mapping[dt.date, list[Priced]] = defaultdict(list)
        for one in asking if self.names else ():
            by_day[one.day].append(one)
        for day, some in by_day.items():
            if not self.terms:  # the row alone tells its segments
                for one in some:
                    one.row.update(self._matched(self._plan.match_row(one.row, day)))
                continue
            stored = table_of([one.row for one in some], self.attributes)
            columns = self.columns(connection, beside(key_columns(one.met for one in some), stored), day)
            for name, column in columns.items():
                for one, value in zip(some, column.to_pylist(), strict=True):
                    one.row.update({} if value is None else {name: value})

    def supposed(self, row: Mapping[str, Value], day: dt.date, history: History) -> Row:
        """The same by the reference interpreter, of a made-up customer, whose meters are taken to read as they do."""
        answers = [holds(each, row, day, history) is True for each in self._conditions]
        read = {USAGE + meter: history.usage[meter] for meter in self._meters if meter in history.usage}
        return {**self._matched([number for number, answer in enumerate(answers) if answer]), **read}

    def _matched(self, numbers: Sequence[int]) -> Row:
        return {SEGMENT + name: number in numbers for number, name in enumerate(self._segments)}

    def _memberships(self, connection: sa.Connection, table: pa.Table, day: dt.date) -> dict[str, pa.Array]:
        if not self._segments:
            return {}
        terms = self._plan.terms
        table = table.drop_columns([name for name in map(key_of, terms) if name in table.column_names])
        matches = self._plan.match_batch(with_history(connection, self._catalog, table, terms, day), day)
        belongs = np.zeros((len(self._segments), table.num_rows), np.bool_)
        belongs[matches["rule"].to_numpy(), matches["row"].to_numpy()] = True
        return {SEGMENT + name: pa.array(mask) for name, mask in zip(self._segments, belongs, strict=True)}

    def _usages(self, connection: sa.Connection, table: pa.Table) -> dict[str, pa.Array]:
        if not self._meters:
            return {}
        found = usage(connection, self._catalog, table, self._meters)
        return {USAGE + meter: pa.array(values, pa.float64()) for meter, values in found.items()}
