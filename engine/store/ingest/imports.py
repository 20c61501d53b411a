"""One import: a file, block by block, each block one transaction.

1. Read the head, make the plan; every mistake in the mapping is told before a row is read.
2. For each block: convert it, find the rows that the store cannot take, put the others.
3. Write every refused row to the rejects file: row, column, value, reason.

A crash leaves whole blocks only; the same import again finds them unchanged and goes on. A source that speaks of some
attributes leaves the others of known rows as they are.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from sqlalchemy import Connection, select

from dsl.catalog import Catalog
from dsl.datatypes import Kind
from engine.errors import ImportFailed
from engine.store.bulk import among
from engine.store.currencies import Usual, usual_currencies
from engine.store.documents import dump
from engine.store.events import Bounds, StagedEvent, record
from engine.store.ingest.blocks import Fault, Reader
from engine.store.ingest.convert import Converted, Converter, UsualOf
from engine.store.ingest.files import open_file
from engine.store.ingest.happenings import events_of, faults_of, readings_of
from engine.store.ingest.mapping import Mapped
from engine.store.ingest.targets import Plan, Subject, plan_import
from engine.store.readings import Became, put_readings
from engine.store.reindex import reindex
from engine.store.session import Store
from engine.store.tables import customers
from engine.store.upsert import CUSTOMERS, SUBSCRIPTIONS, Changes, Staged, upsert

MOST_WARNINGS = 100


@dataclass(slots=True)
class Report:
    """What an import did, in rows.

    Of the new events, also of those that readings made, `pending` are met by rules and `history` came too late;
    `late` are the moments of these. `older` are readings older than the latest of their meter.
    """

    subject: Subject
    rows: int = 0
    refused: int = 0
    changes: Changes = field(default_factory=Changes)
    pending: int = 0
    history: int = 0
    late: set[str] = field(default_factory=set)
    older: int = 0
    ignored: tuple[str, ...] = ()
    warnings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)  # "column: reason" -> faults

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": str(self.subject),
            "rows": self.rows,
            "new": self.changes.new,
            "changed": self.changes.changed,
            "unchanged": self.changes.unchanged,
            "refused": self.refused,
            "pending": self.pending,
            "history": self.history,
            "older": self.older,
            "zones_missing": self.changes.zones_missing,
            "zones_invalid": self.changes.zones_invalid,
            "ignored_columns": list(self.ignored),
            "warnings": self.warnings,
            "reasons": self.reasons,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """What to import and how.

    `catch_up` says how late events may come and still be met; `heard` is told of each new one that is.
    """

    subject: Subject
    path: Path
    mapped: Mapped | None = None
    form: str | None = None
    rejects: Path | None = None
    dry: bool = False
    catch_up: Bounds = field(default_factory=dict)
    heard: Callable[[StagedEvent], None] = lambda event: None


def run_import(
    store: Store,
    catalog: Catalog,
    order: Order,
    now: dt.datetime,
    progress: Callable[[int, int, int], None] = lambda done, size, rows: None,
) -> Report:
    """Imports a file; raises ImportFailed or MappingError where nothing of it can be read.

    `progress` gets bytes done, bytes in all, and rows so far.
    """
    reader = open_file(order.path, order.form, order.mapped.delimiter if order.mapped else None)
    plan = plan_import(catalog, order.subject, order.mapped, reader.columns, order.path.name)
    with Rejects(order.rejects) as rejects:
        work = _Import(store, catalog, plan, now, order, rejects)
        if not order.dry:
            work.follow_catalog()
        return work.run(reader, progress)


class Rejects:
    """The rejects file: made at the first refused row, so that its absence says that there was none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.file: IO[str] | None = None

    def __enter__(self) -> Rejects:
        if self.path is not None:
            self.path.unlink(missing_ok=True)  # of the run before
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.file is not None:
            self.file.close()

    def write(self, faults: Sequence[Fault]) -> None:
        if self.path is None or not faults:
            return
        if self.file is None:
            try:
                self.file = self.path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise ImportFailed(f"The rejects file {self.path} cannot be written: {error.strerror}.") from None
            csv.writer(self.file).writerow(("row", "column", "value", "reason"))
        csv.writer(self.file).writerows((one.row, one.column, one.value, one.reason) for one in faults)
        self.file.flush()


class _Import:
    def __init__(
        self, store: Store, catalog: Catalog, plan: Plan, now: dt.datetime, order: Order, rejects: Rejects
    ) -> None:
        self.store, self.catalog, self.plan, self.now = store, catalog, plan, now
        self.order, self.rejects = order, rejects
        self.converter = Converter(catalog, plan)
        self.seen: set[str] = set()  # the ids of good rows: about 130 bytes each
        self.report = Report(plan.subject, ignored=plan.ignored)

    def follow_catalog(self) -> None:
        """Brings what the store has under the catalog of this import, and tells what no longer fits it."""
        with self.store.write() as connection:
            done = reindex(connection, self.catalog, self.now)
        for name, rows in done.removed.items():
            self.report.warnings[f"{name}: was taken out where it does not fit the catalog any more"] = rows

    def run(self, reader: Reader, progress: Callable[[int, int, int], None]) -> Report:
        puts = {Subject.EVENTS: self.put_events, Subject.READINGS: self.put_readings}
        put = puts.get(self.plan.subject, self.put_state)
        for block, done in reader.blocks(self.plan.columns):
            self.report.rows += block.read
            converted = self.converter.convert(block, self.usual())
            with self.store.read() if self.order.dry else self.store.write() as connection:
                changes = put(connection, converted)
            self.report.changes += changes
            self.tell(converted)
            progress(done, reader.size, self.report.rows)
        return self.report

    def tell(self, converted: Converted) -> None:
        faults = sorted(converted.faults, key=lambda fault: fault.row)
        self.report.refused += len({fault.row for fault in faults})
        for fault in faults:
            key = f"{fault.column}: {fault.reason}" if fault.column else fault.reason
            self.report.reasons[key] = self.report.reasons.get(key, 0) + 1
        for warning, rows in converted.warnings.items():
            if len(self.report.warnings) >= MOST_WARNINGS:
                warning = warning if warning in self.report.warnings else "other texts are no time zones either"
            self.report.warnings[warning] = self.report.warnings.get(warning, 0) + rows
        self.rejects.write(faults)

    # --- customers and subscriptions ---------------------------------------------------------------------------------

    def put_state(self, connection: Connection, converted: Converted) -> Changes:
        if self.plan.subject is Subject.SUBSCRIPTIONS:
            converted = converted.without(self.unknown_customers(connection, converted))
        converted = converted.without(self.duplicates(converted))
        kept = CUSTOMERS if self.plan.subject is Subject.CUSTOMERS else SUBSCRIPTIONS
        return upsert(connection, self.catalog, kept, self.staged(converted), self.now, dry=self.order.dry)

    def unknown_customers(self, connection: Connection, converted: Converted) -> set[int]:
        named = converted.given["customer"]
        wanted = sorted(set(named))
        known = set(
            connection.execute(select(customers.c.id).where(among(connection, customers.c.id, wanted))).scalars()
        )
        unknown = {at for at, name in enumerate(named) if name not in known}
        self.refuse(converted, "customer", named, unknown, "is no customer in the store: import customers first")
        return unknown

    def duplicates(self, converted: Converted) -> set[int]:
        """Positions of ids that a good row before had."""
        repeated = set()
        ids = converted.given["id"]
        for at, key in enumerate(ids):
            if key in self.seen:
                repeated.add(at)
            else:
                self.seen.add(key)
        self.refuse(converted, "id", ids, repeated, "is the id of an earlier row of the file")
        return repeated

    def refuse(
        self, converted: Converted, target: str, column: Sequence[Any], positions: set[int], reason: str
    ) -> None:
        name = ", ".join(self.plan.recipes[target][1].columns) or target
        converted.faults += [Fault(converted.rows[at], name, str(column[at]), reason) for at in sorted(positions)]

    def staged(self, converted: Converted) -> Staged:
        given, length = converted.given, len(converted)
        spoken = frozenset("customer_id" if name == "customer" else name for name in self.plan.recipes)
        if self.plan.subject is Subject.CUSTOMERS:
            columns = {"timezone": given.get("timezone", [None] * length), "tags": self.lists("tags", converted)}
        else:
            columns = {
                "customer_id": given["customer"],
                "currency": self.currencies(converted),
                "addons": self.lists("addons", converted),
            }
            spoken |= {"currency"} if self.own_currency() else set()
        return Staged(given["id"], columns, converted.documents, spoken)

    def lists(self, name: str, converted: Converted) -> list[str]:
        texts: dict[tuple[str, ...], str] = {}
        found = []
        for value in converted.given.get(name, [()] * len(converted)):
            key = tuple(value or ())
            if key not in texts:
                texts[key] = dump(list(key))
            found.append(texts[key])
        return found

    def own_currency(self) -> str | None:
        """The currency that the mapping states for the file's amounts."""
        recipes = (recipe for target, recipe in self.plan.recipes.values() if target.type.kind is Kind.MONEY)
        return next((recipe.currency for recipe in recipes if recipe.currency), None)

    def usual(self) -> UsualOf | None:
        """Asks the store what subscriptions pay in; None where the file is not about them or the mapping states it."""
        if self.plan.subject is not Subject.SUBSCRIPTIONS or self.own_currency() is not None:
            return None

        def asked(ids: Sequence[Any], whose: Sequence[Any]) -> Sequence[Usual]:
            with self.store.read() as connection:
                return usual_currencies(connection, self.catalog, ids, whose)

        return asked

    def currencies(self, converted: Converted) -> list[str]:
        given: list[str | None] = converted.given.get("currency", [None] * len(converted))
        stated = self.own_currency() or self.catalog.currency
        return [one or stated for one in given]

    # --- events and readings -----------------------------------------------------------------------------------------

    def put_events(self, connection: Connection, converted: Converted) -> Changes:
        batch = events_of(converted)
        catch_up = self.order.catch_up
        recorded = record(connection, self.catalog, batch, self.now, catch_up=catch_up, dry=self.order.dry)
        converted.faults += faults_of(self.plan, converted, recorded.refusals)
        met = frozenset(recorded.met)
        self.count_events((batch[at].moment, at in met) for at in recorded.fresh)
        for at in recorded.met:
            self.order.heard(batch[at])
        return Changes(recorded.new, 0, recorded.unchanged)

    def put_readings(self, connection: Connection, converted: Converted) -> Changes:
        batch, catch_up = readings_of(converted), self.order.catch_up
        told = put_readings(connection, self.catalog, batch, self.now, catch_up=catch_up, dry=self.order.dry)
        converted.faults += faults_of(self.plan, converted, told.refusals)
        self.count_events((one.event.moment, one.met) for one in told.crossings)
        self.report.older += told.count(Became.OLDER)
        unchanged = told.count(Became.SAME, Became.OLDER)
        return Changes(told.count(Became.NEW), told.count(Became.CORRECTED), unchanged)

    def count_events(self, recorded: Iterable[tuple[str, bool]]) -> None:
        """New events: the moment of each, and whether rules meet it."""
        for moment, is_met in recorded:
            if is_met:
                self.report.pending += 1
            else:
                self.report.history += 1
                self.report.late.add(moment)
