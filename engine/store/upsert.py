"""New versions of customers and subscriptions: what changed is written, what it was before goes to the history.

1. `compare` reads the current versions of the same ids and sorts the rows into new, changed and unchanged. A source
   may speak of some attributes only (`spoken`): what it does not mention stays as it is.
2. `write` appends the current version of each changed row to its history, then updates it; inserts the new ones; and
   makes the rows of `dates` again for both. Unchanged rows are not touched: the same file twice changes nothing.
3. Where a row's calendar is another than before, `moves` keeps what it was.

Rows are columns in stored form. Time zones, statuses and dates are derived from the final documents by Arrow's JSON
reader (`columns`), so that every path to the store derives them alike.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Table, Text, bindparam, cast, select

from dsl.catalog import Catalog, Owner
from dsl.datatypes import DataType, Kind
from engine.store import moves
from engine.store.bulk import Stored, among, insert_rows, instant_text, run_many, take_turns, widen_cache
from engine.store.columns import read_documents
from engine.store.documents import Json, dump
from engine.store.snapshot.journal import append, join
from engine.store.tables import customers, customers_history, dates, subscriptions, subscriptions_history
from engine.store.zones import COUNTRY, Fallback, Zone, resolve_zone, shard_of


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an owner's rows are: `given` are the columns that a source says beside the attributes."""

    owner: Owner
    table: Table
    history: Table
    given: tuple[str, ...]
    lists: frozenset[str]
    derived: tuple[str, ...]


CUSTOMERS = Kept(
    Owner.CUSTOMER, customers, customers_history, ("timezone", "tags"), frozenset({"tags"}), ("zone", "shard")
)
SUBSCRIPTIONS = Kept(
    Owner.SUBSCRIPTION,
    subscriptions,
    subscriptions_history,
    ("customer_id", "currency", "addons"),
    frozenset({"addons"}),
    ("status",),
)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows to be put, column by column, in stored form; ids are distinct and every column is as long as `ids`.

    `given` has each of the owner's given columns (lists as canonical JSON text), `documents` canonical JSON text.
    `spoken` names the given columns and attributes that the source speaks of; None is all of them.
    """

    ids: Sequence[str]
    given: Mapping[str, Sequence[str | None]]
    documents: Sequence[str]
    spoken: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a put found, in rows. The last two count customers written whose own time zone is missing or invalid."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    zones_missing: int = 0
    zones_invalid: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.zones_missing + other.zones_missing,
            self.zones_invalid + other.zones_invalid,
        )


@dataclass(slots=True)
class Versions:
    """Final versions to write, column by column."""

    ids: list[str] = field(default_factory=list)
    given: list[tuple[Stored, ...]] = field(default_factory=list)  # one tuple a row, in the order of `Kept.given`
    documents: list[str] = field(default_factory=list)

    def add(self, key: str, given: tuple[Stored, ...], document: str) -> None:
        self.ids.append(key)
        self.given.append(given)
        self.documents.append(document)


def upsert(
    connection: Connection, catalog: Catalog, kept: Kept, staged: Staged, now: dt.datetime, *, dry: bool = False
) -> Changes:
    """Puts rows in the transaction of the connection; a dry run only compares.

    They go in the order of their ids, so that neighbours in the indexes are written together.
    """
    if not dry:
        journalled = join(connection)
        take_turns(connection, kept.table)
    widen_cache(connection, len(staged.ids))
    staged = _by_id(staged)
    new, changed, earlier = compare(connection, kept, staged)
    unchanged = len(staged.ids) - len(new.ids) - len(changed.ids)
    both = Versions(new.ids + changed.ids, new.given + changed.given, new.documents + changed.documents)
    derived = Derived(catalog, kept, both)
    if not dry:
        if journalled:
            append(connection, _owners(connection, kept, both))
        write(connection, kept, both, derived, len(new.ids), now)
        if both.ids and moves.are_kept(connection):
            before = Derived(catalog, kept, earlier)
            moves.record(connection, kept.owner, before.calendar(kept), derived.calendar(kept), now)
    zones = [zone.fallback for zone in derived.zones]
    return Changes(
        len(new.ids), len(changed.ids), unchanged, zones.count(Fallback.MISSING), zones.count(Fallback.INVALID)
    )


def _owners(connection: Connection, kept: Kept, versions: Versions) -> set[str]:
    """The customers whose rows are about to be written; of a subscription that changes hands, both."""
    if kept is CUSTOMERS:
        return set(versions.ids)
    before = select(subscriptions.c.customer_id).where(among(connection, subscriptions.c.id, versions.ids))
    return {*connection.scalars(before), *(str(given[0]) for given in versions.given)}


def _by_id(staged: Staged) -> Staged:
    order = sorted(range(len(staged.ids)), key=staged.ids.__getitem__)
    given = {name: [column[at] for at in order] for name, column in staged.given.items()}
    documents = [staged.documents[at] for at in order]
    return Staged([staged.ids[at] for at in order], given, documents, staged.spoken)


# --- comparing -------------------------------------------------------------------------------------------------------


def compare(connection: Connection, kept: Kept, staged: Staged) -> tuple[Versions, Versions, Versions]:
    """The final versions of the rows that are new and of those that changed, and what the latter were before."""
    current = _current(connection, kept, staged.ids)
    new, changed, earlier = Versions(), Versions(), Versions()
    givens = zip(*(staged.given[name] for name in kept.given), strict=True)
    for key, given, document in zip(staged.ids, givens, staged.documents, strict=True):
        before = current.get(key)
        if before is None:
            new.add(key, given, document)
            continue
        after = _merged(kept, before, given, document, staged.spoken)
        if after is not None:
            changed.add(key, *after)
            earlier.add(key, *before)
    return new, changed, earlier


def _current(connection: Connection, kept: Kept, ids: Sequence[str]) -> dict[str, tuple[tuple[Stored, ...], str]]:
    columns = [cast(kept.table.c[name], Text) for name in (*kept.given, "attributes")]
    query = select(kept.table.c.id, *columns).where(among(connection, kept.table.c.id, ids))
    return {row[0]: (row[1:-1], row[-1]) for row in (tuple(each) for each in connection.execute(query))}


def _merged(
    kept: Kept,
    before: tuple[tuple[Stored, ...], str],
    given: tuple[Stored, ...],
    document: str,
    spoken: frozenset[str] | None,
) -> tuple[tuple[Stored, ...], str] | None:
    """The version after, or None where it is what it was. Texts first: equal texts are equal documents."""
    before_given, before_document = before
    if spoken is not None:
        pairs = zip(kept.given, before_given, given, strict=True)
        given = tuple(new if name in spoken else old for name, old, new in pairs)
    same = all(
        old == new or (name in kept.lists and json.loads(str(old)) == json.loads(str(new)))
        for name, old, new in zip(kept.given, before_given, given, strict=True)
    )
    if same and before_document == document:
        return None
    old, new = json.loads(before_document), json.loads(document)
    if spoken is not None:
        new = {name: value for name, value in old.items() if name not in spoken} | new
    if same and _equal(old, new):
        return None
    return given, dump(new)


def _equal(left: dict[str, Json], right: dict[str, Json]) -> bool:
    """Equal as documents. PostgreSQL writes a float as an integer where it can: then they are compared as floats."""
    return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)


def _same(left: Json, right: Json) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if {type(left), type(right)} == {int, float}:
        return float(left) == float(right)
    return bool(left == right)


# --- deriving --------------------------------------------------------------------------------------------------------


class Derived:
    """What the tables keep apart from the documents: zones and statuses, one a row, and the dates."""

    def __init__(self, catalog: Catalog, kept: Kept, versions: Versions) -> None:
        declared = {one.name: one.type for one in catalog.attributes(kept.owner).values()}
        self.moments = [each for each in catalog.moments.values() if each.attribute and each.owner is kept.owner]
        self.date_names = tuple(name for name, one in declared.items() if one.kind is Kind.DATE)
        wanted = {name: declared[name] for name in self.date_names}
        texts = {name for name in (COUNTRY, "status", moves.INTERVAL) if name in declared}
        wanted |= {name: DataType(Kind.TEXT) for name in texts if declared[name].kind in (Kind.TEXT, Kind.ENUM)}
        self.table = read_documents(pa.array(versions.documents, pa.large_string()), wanted)
        self.versions = versions
        self.zones = self._zones(catalog) if kept is CUSTOMERS else []

    def columns(self, kept: Kept) -> list[tuple[Stored, ...]]:
        """The derived columns, one tuple a row."""
        if kept is CUSTOMERS:
            return [(zone.name, shard_of(key)) for zone, key in zip(self.zones, self.versions.ids, strict=True)]
        return [(status,) for status in self._texts("status")]

    def calendar(self, kept: Kept) -> moves.Facts:
        """What the calendar reads of each row."""
        ids = self.versions.ids
        customers = ids if kept is CUSTOMERS else [str(given[0]) for given in self.versions.given]
        zones = [zone.name for zone in self.zones]
        hang_on = sorted({str(each.attribute) for each in self.moments})
        recurring = frozenset(str(each.attribute) for each in self.moments if each.recurs)
        return moves.Facts(ids, customers, moves.calendar_facts(zones, self.table, hang_on), recurring)

    def _texts(self, name: str) -> list[str | None]:
        if name in self.table.column_names:
            return list(self.table[name].to_pylist())
        return [None] * len(self.versions.ids)

    def _zones(self, catalog: Catalog) -> list[Zone]:
        known: dict[tuple[str | None, str | None], Zone] = {}
        zones = []
        for given, country in zip(self.versions.given, self._texts(COUNTRY), strict=True):
            key = (None if given[0] is None else str(given[0]), country)
            if key not in known:
                known[key] = resolve_zone(catalog, *key)
            zones.append(known[key])
        return zones


# --- writing ---------------------------------------------------------------------------------------------------------


def write(connection: Connection, kept: Kept, versions: Versions, derived: Derived, new: int, now: dt.datetime) -> None:
    """Writes versions of which the first `new` have no predecessor."""
    instant = instant_text(now)
    names = ("id", *kept.given, *kept.derived, "attributes", "valid_from", "recorded_at")
    rows = [
        (key, *given, *more, document, instant, instant)
        for key, given, more, document in zip(
            versions.ids, versions.given, derived.columns(kept), versions.documents, strict=True
        )
    ]
    changed = versions.ids[new:]
    if changed:
        append_history(connection, kept, changed, now)
        settings = ", ".join(f"{name} = ?" for name in names[1:])
        run_many(
            connection,
            f"UPDATE {kept.table.name} SET {settings} WHERE id = ?",
            ((*row[1:], row[0]) for row in rows[new:]),
        )
        delete_dates(connection, kept.owner, derived.date_names, changed)
    insert_rows(connection, kept.table, names, rows[:new])
    insert_dates(connection, kept.owner, versions.ids, derived)


def append_history(connection: Connection, kept: Kept, ids: Sequence[str], now: dt.datetime) -> None:
    """Keeps the current versions of these rows as true until now."""
    names = [column.name for column in kept.table.c]
    ended = bindparam("valid_to", now, kept.history.c.valid_to.type)
    source = select(*(kept.table.c[name] for name in names), ended).where(among(connection, kept.table.c.id, ids))
    connection.execute(kept.history.insert().from_select([*names, "valid_to"], source))


def delete_dates(connection: Connection, owner: Owner, attributes: Sequence[str], subjects: Sequence[str]) -> None:
    statement = "DELETE FROM dates WHERE owner = ? AND attribute = ? AND subject = ?"
    for name in attributes:
        run_many(connection, statement, zip(repeat(str(owner)), repeat(name), subjects))


def insert_dates(connection: Connection, owner: Owner, subjects: Sequence[str], derived: Derived) -> None:
    """A row for each date that each subject has."""
    keys = pa.array(subjects, pa.string())
    names = ("owner", "attribute", "subject", "date", "month", "day", "weekday")
    for name in derived.date_names:
        days = derived.table[name]
        present = pc.is_valid(days)
        days = days.filter(present)
        parts = (days.cast(pa.string()), pc.month(days), pc.day(days), pc.day_of_week(days))
        columns = (keys.filter(present).to_pylist(), *(part.to_pylist() for part in parts))
        insert_rows(connection, dates, names, zip(repeat(str(owner)), repeat(name), *columns))
