"""What rules ask of the past, as columns beside a batch: a term a column, under its own key (`matching.keys`).

    table = with_history(connection, catalog, table, plan.terms, day)

All terms that ask one moment's events share one statement, restricted to the longest of their windows (`records`), and
are then masks over the same arrays (`gathered`). Where nothing but the last event ever is wanted the database finds it
at the end of a piece of its index.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection

from dsl.catalog import Catalog
from dsl.choices import HistoryVerb
from dsl.typed import (
    All,
    Attribute,
    Condition,
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
from engine.happenings.gathered import NEVER, counted, inside, latest, properties_of, read_properties, satisfying
from engine.happenings.meters import last_reading, quotas
from engine.happenings.occasions import Mask, Numbers, Occasions
from engine.happenings.packed import Dialect, Gathered, Question, ask, dialect_of, unpack
from engine.happenings.records import Records, events_of, offers_of
from engine.happenings.spans import local_date, microseconds
from engine.happenings.sums import summed
from engine.happenings.supposed import as_recorded
from engine.matching.keys import key_of
from engine.store.events import Event

Column = tuple[Historic, pa.Array]
OfEvents = CountOf | SumOf | LastOf | SinceLast
ALWAYS = All(())

FAR = microseconds(dt.datetime.max.replace(tzinfo=dt.UTC))

AT_ONCE = 1 << 16
"""Rows whose past is looked up together: what happened to them is in memory all at once."""


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
    parts = []
    for start in range(0, max(table.num_rows, 1), AT_ONCE):
        part = table.slice(start, AT_ONCE)
        found = dict(_Past(connection, catalog, part, Occasions(part), day, supposed).columns(terms))
        for term in terms:
            part = part.append_column(key_of(term), found[term])
        parts.append(part)
    return pa.concat_tables(parts)


class Look(NamedTuple):
    """Something that is asked of the database, and the columns that its answers (one a row) make."""

    question: Question
    columns: Callable[[Sequence[Any]], Iterable[Column]]


@dataclass(frozen=True, slots=True)
class _Past:
    """The past of one batch."""

    connection: Connection
    catalog: Catalog
    table: pa.Table
    occasions: Occasions
    day: dt.date
    supposed: Sequence[Event]

    @property
    def dialect(self) -> Dialect:
        return dialect_of(self.connection)

    def columns(self, terms: Sequence[Historic]) -> Iterator[Column]:
        looks = list(self._looks(terms))
        answers = ask(self.connection, self.occasions, [look.question for look in looks])
        for look, answer in zip(looks, answers, strict=True):
            yield from look.columns(answer)
        yield from ((term, quotas(self.catalog, self.table, term.meter)) for term in terms if isinstance(term, QuotaOf))

    def _looks(self, terms: Sequence[Historic]) -> Iterator[Look]:
        """Everything that must be asked of the database."""
        offers: dict[tuple[HistoryVerb, str | None], list[DecidedCount]] = defaultdict(list)
        by_moment: dict[str, list[OfEvents]] = defaultdict(list)
        for term in terms:
            match term:
                case UsageOf(meter):
                    yield Look(last_reading(meter), partial(_used, term))
                case DecidedCount():
                    offers[term.verb, term.product].append(term)
                case CountOf() | SumOf() | LastOf() | SinceLast():
                    by_moment[term.events.moment].append(term)
        for (verb, product), asking in offers.items():
            question = self._every(offers_of(verb, product), [term.window for term in asking])
            yield Look(question, partial(self._offers, asking))
        for moment, some in by_moment.items():
            yield from self._of_events(moment, some)

    def _of_events(self, moment: str, terms: Sequence[OfEvents]) -> Iterator[Look]:
        records = events_of(self.catalog.moments[moment])
        mine = [event for event in self.supposed if event.moment == moment]
        supposed = as_recorded(self.catalog.moments[moment], self.occasions, mine)
        last_ever = _last_ever(terms)
        if last_ever:
            yield Look(records.last(self.dialect), partial(self._last_ever, last_ever, supposed))
        others = [term for term in terms if term not in last_ever]
        if others:
            reads = _reads(others)
            windows = [term.events.window for term in others]
            question = self._every(records, windows, documents=bool(reads))
            yield Look(question, partial(self._counted, others, reads, supposed))

    def _every(self, records: Records, windows: Sequence[Window | None], *, documents: bool = False) -> Question:
        """The records of the longest of the windows."""
        after = min(int(self.occasions.bounds(window).after.min(initial=FAR)) for window in windows)
        return records.every(self.dialect, after, int(self.occasions.now.max(initial=after)), documents=documents)

    # --- what the answers say

    def _offers(self, terms: Sequence[DecidedCount], answers: Sequence[str]) -> Iterator[Column]:
        """On earlier occasions alone: those met at the same instant are decided together."""
        found = unpack(self.dialect, answers, documents=False)
        earlier = found.at < self.occasions.now[found.row]
        for term in terms:
            mask = earlier & inside(found, self.occasions, term.window)
            yield term, pa.array(counted(found, mask, self.occasions.size), pa.int64())

    def _last_ever(
        self, terms: Sequence[LastOf | SinceLast], supposed: Gathered, answers: Sequence[str]
    ) -> Iterator[Column]:
        found = unpack(self.dialect, answers, documents=False) + supposed
        last = latest(found, inside(found, self.occasions, None), self.occasions.size)
        yield from ((term, self._last(term, last)) for term in terms)

    def _counted(
        self,
        terms: Sequence[OfEvents],
        reads: Sequence[Attribute],
        supposed: Gathered,
        answers: Sequence[str],
    ) -> Iterator[Column]:
        found = unpack(self.dialect, answers, documents=bool(reads)) + supposed
        properties = read_properties(found.documents, reads) if reads else pa.table({})
        satisfies: dict[Condition, Mask] = {
            where: satisfying(where, properties, found.row, self.table, self.day) for where in _wheres(terms)
        }
        for term in terms:
            mask = inside(found, self.occasions, term.events.window)
            if term.events.where != ALWAYS:
                mask &= satisfies[term.events.where]
            yield term, self._column(term, found, mask, properties)

    # --- one column

    def _column(self, term: OfEvents, found: Gathered, mask: Mask, properties: pa.Table) -> pa.Array:
        match term:
            case CountOf():
                return pa.array(counted(found, mask, self.occasions.size), pa.int64())
            case SumOf():
                return summed(properties, found.row, mask, term, self.table)
            case _:
                return self._last(term, latest(found, mask, self.occasions.size))

    def _last(self, term: LastOf | SinceLast, last: Numbers) -> pa.Array:
        if isinstance(term, LastOf):
            seen = zip(last.tolist(), self.occasions.zones(), strict=True)
            days = [None if at == NEVER else local_date(at, zone) for at, zone in seen]
            return pa.array(days, pa.date32())
        return pa.array(self.occasions.now - last, pa.int64(), mask=last == NEVER)


def _used(term: UsageOf, answers: Sequence[float | None]) -> Iterator[Column]:
    yield term, pa.array(answers, pa.float64())


def _wheres(terms: Sequence[OfEvents]) -> list[Condition]:
    return list(dict.fromkeys(term.events.where for term in terms if term.events.where != ALWAYS))


def _reads(terms: Sequence[OfEvents]) -> list[Attribute]:
    """The properties that the terms read of their events."""
    return [*properties_of(_wheres(terms)), *(term.property for term in terms if isinstance(term, SumOf))]


def _last_ever(terms: Sequence[OfEvents]) -> list[LastOf | SinceLast]:
    """Those that ask for the last event ever, if no other term needs all events that ever happened."""
    ever = [term for term in terms if term.events.window is None]
    last = [term for term in ever if isinstance(term, LastOf | SinceLast) and term.events.where == ALWAYS]
    return last if len(last) == len(ever) else []
