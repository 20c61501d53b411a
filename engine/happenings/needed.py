"""The past of those rows only whose rules still need it.

A question about a customer's events costs a hundred times a comparison of columns. So the rules that ask one are
matched first without it (`matching.relaxed`); what they ask is looked up of the rows where one of them could still
match, and is missing elsewhere, where it changes nothing. What shares a statement (the events of one moment, what was
offered, a meter) is looked up of the same rows.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from dsl.catalog import Catalog
from dsl.typed import Condition, CountOf, DecidedCount, Historic, LastOf, QuotaOf, SinceLast, SumOf, UsageOf
from engine.happenings.history import with_history
from engine.matching.keys import key_of
from engine.matching.plan import Plan
from engine.matching.reads import historic
from engine.matching.relaxed import ALWAYS, relaxed

Rows = npt.NDArray[np.int64]

NEARLY_ALL = 0.8
"""From this share on all rows are looked up: choosing some of them would cost more than it saves."""


class NeededPast:
    """What a plan's rules ask of the past, and what else each of these rules asks."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._asking = [(condition, historic(condition)) for condition in conditions if historic(condition)]
        self._cheap = [relaxed(condition) for condition, _ in self._asking]
        self._plan = Plan([each for each in self._cheap if each != ALWAYS])
        self._terms: dict[tuple[str, str | None], list[Historic]] = defaultdict(list)
        for term in dict.fromkeys(term for _, terms in self._asking for term in terms):
            self._terms[_source(term)].append(term)

    def beside(self, connection: Connection, catalog: Catalog, table: pa.Table, day: dt.date) -> pa.Table:
        """`history.with_history` of the rules' terms, missing where no rule that asks them can match."""
        wanted = self._rows(table, day)
        for terms in self._terms.values():
            rows = wanted[_source(terms[0])]
            if len(rows) >= NEARLY_ALL * table.num_rows:
                table = with_history(connection, catalog, table, terms, day)
            else:
                found = with_history(connection, catalog, table.take(pa.array(rows)), terms, day)
                place = np.full(table.num_rows, -1, np.int64)
                place[rows] = np.arange(len(rows))
                places = pa.array(place, mask=place < 0)
                for term in terms:
                    table = table.append_column(key_of(term), found[key_of(term)].take(places))
        return table

    def _rows(self, table: pa.Table, day: dt.date) -> dict[tuple[str, str | None], Rows]:
        """For each source the rows on which a rule that asks it could match."""
        matches = self._plan.match_batch(table, day)
        row, rule = matches["row"].to_numpy(), matches["rule"].to_numpy()
        masks = {source: np.zeros(table.num_rows, np.bool_) for source in self._terms}
        number = 0
        for (_, terms), cheap in zip(self._asking, self._cheap, strict=True):
            standing: Rows | slice = slice(None) if cheap == ALWAYS else row[rule == number]
            number += cheap != ALWAYS
            for source in _sources(terms):
                masks[source][standing] = True
        return {source: np.flatnonzero(mask) for source, mask in masks.items()}


def _sources(terms: Iterable[Historic]) -> set[tuple[str, str | None]]:
    return {_source(term) for term in terms}


def _source(term: Historic) -> tuple[str, str | None]:
    """What is looked up together."""
    match term:
        case CountOf(events) | SumOf(events=events) | LastOf(events) | SinceLast(events):
            return "events", events.moment
        case DecidedCount(verb, product):
            return str(verb), product
        case UsageOf(meter) | QuotaOf(meter):
            return "meter", meter
