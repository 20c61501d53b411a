"""What rules ask of the past, as columns beside a batch: a term a column, under its own key (`matching.keys`).

    table = with_history(connection, catalog, table, plan.terms, day)

Terms that ask the same events in the same window share a query. Where only numbers or the last instant are wanted the
database counts on its index; events with a `where`, and those that are added up, are read one by one (`gathered`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Text, cast

from dsl.catalog import Catalog, Owner
from dsl.typed import (
    All,
    CountOf,
    DecidedCount,
    Historic,
    LastOf,
    QuotaOf,
    SinceLast,
    SumOf,
    UsageOf,
    Window,
)
from engine.happenings.gathered import Gathered, satisfying, summed
from engine.happenings.meters import quotas, usage
from engine.happenings.occasions import Asked, Occasions, ask
from engine.happenings.records import Records, counted, each, events_of, latest, offers_of
from engine.happenings.spans import TICK, Span
from engine.matching.history import History
from engine.matching.keys import key_of
from engine.store.documents import dump, encode_document
from engine.store.events import Event
from engine.store.tables import events as events_table

OfEvents = CountOf | SumOf | LastOf | SinceLast


def with_history(
    connection: Connection,
    catalog: Catalog,
    table: pa.Table,
    terms: Sequence[Historic],
    day: dt.date,
    supposed: Sequence[Event] = (),
) -> pa.Table:
    """The batch of local date `day` with one more column a term, seen from each row's `due_at` in its `zone`.

    Columns: int64 for counts and for the time since an event (microseconds), float64 for sums of numbers and meters,
    decimal128(38, 4) for sums of money in major units, date32 for the last event. `supposed` are events that are taken
    as recorded.
    """
    if not terms:
        return table
    past = _Past(connection, catalog, table, Occasions(table), day, supposed)
    found = dict(past.columns(terms))
    for term in terms:
        table = table.append_column(key_of(term), found[term])
    return table


@dataclass(frozen=True, slots=True)
class _Past:
    """The past of one batch."""

    connection: Connection
    catalog: Catalog
    table: pa.Table
    occasions: Occasions
    day: dt.date
    supposed: Sequence[Event]

    def columns(self, terms: Sequence[Historic]) -> Iterator[tuple[Historic, pa.Array]]:
        by_events: dict[tuple[str, Window | None], list[OfEvents]] = defaultdict(list)
        for term in terms:
            match term:
                case UsageOf(meter):
                    yield term, usage(self.connection, self.occasions, meter)
                case QuotaOf(meter):
                    yield term, quotas(self.catalog, self.table, meter)
                case DecidedCount():
                    yield term, self._offers(term)
                case _:
                    by_events[term.events.moment, term.events.window].append(term)
        for (moment, window), some in by_events.items():
            yield from self._of_events(moment, window, some)

    def _ask(self, records: Records, spans: Sequence[Span]) -> list[Asked]:
        return ask(self.connection, self.occasions, spans, of_one=records.of_one)

    def _offers(self, term: DecidedCount) -> pa.Array:
        records, spans = offers_of(term), self.occasions.spans(term.window)
        if all(span.exact for span in spans):
            return pa.array(counted(self.connection, records, self._ask(records, spans)), pa.int64())
        found = self._each(records, spans, term.window)
        return _count(found, self.occasions.size)

    def _of_events(
        self, moment: str, window: Window | None, terms: Sequence[OfEvents]
    ) -> Iterator[tuple[Historic, pa.Array]]:
        records, spans = events_of(self.catalog.moments[moment]), self.occasions.spans(window)
        supposed = [event for event in self.supposed if event.moment == moment]
        plain = not any(isinstance(term, SumOf) or term.events.where != All(()) for term in terms)
        if plain and not supposed and all(span.exact for span in spans):
            yield from self._at_once(records, spans, terms)
            return
        found = self._each(records, spans, window, supposed)
        for term in terms:
            yield term, self._column(term, satisfying(found, term.events.where, self.table, self.day))

    def _at_once(
        self, records: Records, spans: Sequence[Span], terms: Sequence[OfEvents]
    ) -> Iterator[tuple[Historic, pa.Array]]:
        asks = self._ask(records, spans)
        last: list[dt.datetime | None] = []
        for term in terms:
            if isinstance(term, CountOf):
                yield term, pa.array(counted(self.connection, records, asks), pa.int64())
            else:
                last = last or latest(self.connection, records, asks)
                yield term, self._last(term, last)

    def _each(
        self, records: Records, spans: Sequence[Span], window: Window | None, supposed: Sequence[Event] = ()
    ) -> Gathered:
        """Every record that counts, one by one, and those that are supposed."""
        text = [cast(events_table.c.properties, Text)] if records.table is events_table else []
        asks = self._ask(records, spans)
        found = [*each(self.connection, records, asks, [records.at, *text])]
        found += [one for event in supposed for one in self._supposed(event, window)]
        found = [one for one in found if spans[one[0]].exact or self._within(one[0], one[1], window)]
        documents = [one[2] for one in found] if text else []
        return Gathered(np.array([one[0] for one in found], np.int64), [one[1] for one in found], documents)

    def _within(self, row: int, at: dt.datetime, window: Window | None) -> bool:
        return History(*self.occasions.seen_from(row)).within(at, window)

    def _supposed(self, event: Event, window: Window | None) -> Iterator[tuple[int, dt.datetime, str]]:
        """The rows that a supposed event counts for."""
        moment = self.catalog.moments[event.moment]
        document = dump(encode_document(moment.properties, event.properties))
        for row, customer in enumerate(self.occasions.customers):
            which = self.occasions.subscriptions[row]
            mine = moment.owner is Owner.CUSTOMER or event.subscription_id in (None, which)
            if customer == event.customer_id and mine and self._within(row, event.occurred_at, window):
                yield row, event.occurred_at, document

    # --- one column

    def _column(self, term: OfEvents, found: Gathered) -> pa.Array:
        match term:
            case CountOf():
                return _count(found, self.occasions.size)
            case SumOf():
                return summed(found, term, self.table)
            case _:
                return self._last(term, self._latest(found))

    def _latest(self, found: Gathered) -> list[dt.datetime | None]:
        last: list[dt.datetime | None] = [None] * self.occasions.size
        for row, at in zip(found.row.tolist(), found.at, strict=True):
            before = last[row]
            last[row] = at if before is None else max(before, at)
        return last

    def _last(self, term: LastOf | SinceLast | SumOf, last: Sequence[dt.datetime | None]) -> pa.Array:
        seen_from = map(self.occasions.seen_from, range(self.occasions.size))
        if isinstance(term, LastOf):
            days = [at and at.astimezone(zone).date() for at, (_, zone) in zip(last, seen_from, strict=True)]
            return pa.array(days, pa.date32())
        passed = [None if at is None else (now - at) // TICK for at, (now, _) in zip(last, seen_from, strict=True)]
        return pa.array(passed, pa.int64())


def _count(found: Gathered, size: int) -> pa.Array:
    return pa.array(np.bincount(found.row, minlength=size), pa.int64())
