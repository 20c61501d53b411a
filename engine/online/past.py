"""What rules ask of the past of a customer, read only for rules that could match: one more indexed query, or none.

A rule that asks what happened before mostly asks for something else as well, which one look at the state refuses. So
such rules are matched first without it (`matching.relaxed`); only what the survivors ask is read, for all rows of one
local day together. `happenings.needed` does the same for the columns of a batch.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from dsl.catalog import Catalog
from dsl.typed import Attribute, Condition, Historic
from engine.happenings.history import with_history
from engine.matching.keys import key_of
from engine.matching.plan import Plan
from engine.matching.reads import attributes_of, historic
from engine.matching.relaxed import relaxed
from engine.moments.subjects import Occurrence, beside, key_columns
from engine.online.rows import Row
from engine.store.rows import table_of


class Gate:
    """Rules that ask what happened before, as far as state alone answers them."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        asking = [condition for condition in conditions if historic(condition)]
        self._asks = [historic(condition) for condition in asking]
        self._plan = Plan([relaxed(condition) for condition in asking])

    def still_asked(self, row: Row, day: dt.date) -> tuple[Historic, ...]:
        """What must be looked up for the rules that could match `row` on local date `day`, each term once."""
        return tuple(dict.fromkeys(term for rule in self._plan.match_row(row, day) for term in self._asks[rule]))


@dataclass(frozen=True, slots=True)
class Asking:
    """A row that needs to know some of its past, seen from its occurrence; what is found is written into `row`."""

    occurrence: Occurrence
    day: dt.date
    row: Row
    terms: tuple[Historic, ...]


def look_up(connection: sa.Connection, catalog: Catalog, asking: Iterable[Asking]) -> None:
    """Put into each row what it asks of the past, None where that is missing."""
    by_day: Mapping[dt.date, list[Asking]] = defaultdict(list)
    for one in asking:
        by_day[one.day].append(one)
    for day, some in by_day.items():
        terms = tuple(dict.fromkeys(term for one in some for term in one.terms))
        table = with_history(connection, catalog, _table(some, terms), terms, day)
        for term in terms:
            key = key_of(term)
            for one, value in zip(some, table[key].to_pylist(), strict=True):
                one.row[key] = value


def _table(asking: Sequence[Asking], terms: Sequence[Historic]) -> pa.Table:
    """The rows as a batch with what reading these terms takes."""
    attributes: dict[str, Attribute] = {one.key: one for term in terms for one in attributes_of(term)}
    keys = key_columns(one.occurrence for one in asking)
    return beside(keys, table_of([one.row for one in asking], list(attributes.values())))
