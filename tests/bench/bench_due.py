"""How long a day's due set takes to find and read, from columns and from the database.

    python tests/bench/bench_due.py [SUBSCRIPTIONS IN THE DATABASE] [SUBSCRIPTIONS IN THE FILES]

The first number of made-up subscriptions, one a customer, go through the store into a SQLite database; its snapshot is
made and renewed as a pass does it. The second number are written straight into a snapshot's files beside a tiny
database, because a database of ten million takes a quarter of an hour to make; reading them is what a pass does. Each
row of the table is a whole day: all sixteen shards, seven attributes, in a process of its own, whose largest resident
size is told (of it, the pages of mapped files can be taken back at any time).

Measured on two cores that were busy with other work (load 5 to 7): seconds by the clock, and of processors, the second
time. From the database it is each shard's query that reads the whole day's due, because `dates` knows no shards.

    from          in all  moment                   due    clock     busy    a row    peak
    database   1,000,000  every_month           24,510   10.5 s   6.37 s   260 µs  224 MB
    columns    1,000,000  every_month           24,510   0.09 s   0.07 s   2.9 µs  134 MB
    database   1,000,000  billing_anniversary   13,295    7.3 s   5.78 s   435 µs  220 MB
    columns    1,000,000  billing_anniversary   13,295   0.06 s   0.06 s   4.5 µs  132 MB
    columns      100,000  every_month            2,497   0.05 s   0.04 s    15 µs  124 MB
    columns   10,000,000  every_month          246,628   0.45 s   0.26 s   1.1 µs  200 MB
    columns   10,000,000  billing_anniversary  133,744   0.61 s   0.35 s   2.6 µs  191 MB
    columns   10,000,000  birthday              20,801   0.30 s   0.18 s   8.6 µs  181 MB

A million through the store: 273 s to put, 83 s to make the snapshot (148 MB beside 1,314 MB), 1.8 s to renew it where
one customer in a hundred was written since.
"""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dsl.catalog import Catalog, Owner
from dsl.catalog_reader import read_catalog
from dsl.source import Source
from dsl.typed import Attribute, MomentUse
from engine.moments.due import due_batch
from engine.store.documents import dump
from engine.store.reindex import catalog_digest, reindex
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.snapshot import journal
from engine.store.snapshot.pairs import KEYS, OWN, coded, read_pairs, stored_attributes
from engine.store.snapshot.refresh import refresh
from engine.store.snapshot.shard_file import open_file, write_file
from engine.store.tables import SHARDS
from engine.store.upsert import CUSTOMERS, SUBSCRIPTIONS, Staged, upsert
from tests.bench.bench_import import CATALOG, pick

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 15)
SEVEN = ("plan", "mrr", "started_on", "seats", "autopay"), ("country", "marketing_ok")
BLOCK = 100_000
DUE = ("every_month", "billing_anniversary", "birthday")


def shop() -> Catalog:
    every_month = "moments:\n  every_month: {recurs: month, from: started_on}"
    catalog, _ = read_catalog(Source("catalog.yaml", CATALOG.replace("moments:", every_month)))
    assert catalog is not None
    return catalog


def seven(catalog: Catalog) -> list[Attribute]:
    owners = (Owner.SUBSCRIPTION, Owner.CUSTOMER)
    declared = [catalog.attributes(owner)[name] for owner, names in zip(owners, SEVEN, strict=True) for name in names]
    return [Attribute(one.owner, one.name, one.type) for one in declared]


@contextmanager
def timed(what: str, rows: int) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    print(f"{what:44} {took:7.2f} s {rows / took:12,.0f} rows/s", flush=True)


# --- a database of made-up customers ---------------------------------------------------------------------------------


def put(store: Store, catalog: Catalog, rows: int) -> None:
    rng = np.random.default_rng(7)
    for start in range(0, rows, BLOCK):
        numbers = range(start, min(start + BLOCK, rows))
        with store.write() as connection:
            upsert(connection, catalog, CUSTOMERS, people(rng, numbers), NOW)
            upsert(connection, catalog, SUBSCRIPTIONS, held(rng, numbers), NOW)


def people(rng: np.random.Generator, numbers: range) -> Staged:
    zones = rng.choice(["America/New_York", "Europe/Berlin", "Asia/Tokyo"], len(numbers)).tolist()
    born = (np.datetime64("1940-01-01") + rng.integers(0, 24_000, len(numbers))).astype(str).tolist()
    country = rng.choice(["US", "DE", "FR"], len(numbers)).tolist()
    documents = [
        dump({"first_name": "Ada", "email": f"{n}@example.com", "country": c, "date_of_birth": b, "marketing_ok": True})
        for n, c, b in zip(numbers, country, born, strict=True)
    ]
    return Staged([f"C{n:09}" for n in numbers], {"timezone": zones, "tags": ["[]"] * len(numbers)}, documents)


def held(rng: np.random.Generator, numbers: range) -> Staged:
    size = len(numbers)
    started = (np.datetime64("2016-01-01") + rng.integers(0, 3650, size)).astype(str).tolist()
    renews = (np.datetime64("2026-04-01") + rng.integers(0, 365, size)).astype(str).tolist()
    interval, plan = rng.choice(["month", "year"], size).tolist(), rng.choice(["basic", "premium"], size).tolist()
    status = rng.choice(["active", "active", "active", "cancelled"], size).tolist()
    cents, seats = rng.integers(500, 9500, size).tolist(), rng.integers(1, 50, size).tolist()
    documents = [
        dump(
            {
                "plan": plan[at],
                "status": status[at],
                "started_on": started[at],
                "renews_on": renews[at],
                "billing_interval": interval[at],
                "mrr": [cents[at], "USD"],
                "seats": seats[at],
                "autopay": seats[at] % 2 == 0,
            }
        )
        for at in range(size)
    ]
    given = {
        "customer_id": [f"C{n:09}" for n in numbers],
        "currency": ["USD"] * size,
        "addons": ['["backup"]' if each % 3 else "[]" for each in seats],
    }
    return Staged([f"S{n:09}" for n in numbers], given, documents)


# --- files of made-up columns ----------------------------------------------------------------------------------------


def write_files(store: Store, catalog: Catalog, rows: int) -> None:
    """A snapshot of so many pairs beside a store that has none of them; ids are long, as real ones are."""
    with store.write() as connection:
        journal.begin(connection)
        anchors = [journal.newest(connection, shard) for shard in range(SHARDS)]
        shape = read_pairs(connection, stored_attributes(catalog), [])
    folder, rng = store.columns, np.random.default_rng(7)
    assert folder is not None
    for shard, anchor in enumerate(anchors):
        size = (rows + shard) // SHARDS
        assert anchor is not None
        write_file(folder, made_up(shape, catalog, rng, shard, size), catalog_digest(catalog), shard, anchor)


def made_up(shape: pa.Table, catalog: Catalog, rng: np.random.Generator, shard: int, size: int) -> pa.Table:
    days = {"customer.date_of_birth": (-10_000, 24_000), "subscription.started_on": (16_800, 3650)}
    words = {
        "zone": ["America/New_York", "Europe/Berlin", "Asia/Tokyo"],
        "status": ["active", "active", "active", "cancelled"],
        "interval": ["month", "year"],
        "customer.country": ["US", "DE", "FR"],
        "subscription.plan": ["basic", "premium"],
        "customer.first_name": ["Anna", "Björn", "Chloé", "Dana"],
    }
    columns = {}
    for field in shape.schema:
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in ("customer.id", "subscription.id", "customer.email"):
            values = pa.array([f"{field.name[0]}-{shard:02}-{number:012}" for number in range(size)])
        elif pa.types.is_date(plain):
            first, span = days.get(field.name, (20_500, 365))
            values = pa.array((first + rng.integers(0, span, size)).astype(np.int32)).cast(pa.date32())
        elif pa.types.is_list(plain):
            values = pa.array([["backup"], []] * (size // 2 + 1), plain)[:size]
        elif pa.types.is_boolean(plain):
            values = pa.array(rng.integers(0, 2, size).astype(bool))
        elif pa.types.is_string(plain):
            values = pick(rng, words.get(field.name, ["USD"]), size)
        else:
            values = pa.array(rng.integers(1, 10_000, size)).cast(plain)
        columns[field.name] = values
    return coded(pa.table(columns), stored_attributes(catalog))


# --- reading a day ---------------------------------------------------------------------------------------------------


def read_day(url: str, moment: str, way: str) -> None:
    """Prints rows, the seconds by the clock and of processors, the first and the second time, and the peak in MB."""
    catalog, store = shop(), open_store(url)
    if way == "database":
        store.columns = None
    took = []
    for _ in range(2):
        began, busy, rows = time.perf_counter(), time.process_time(), 0
        for shard in range(SHARDS):
            with store.read() as connection:
                table = due_batch(connection, catalog, MomentUse(moment), DAY, None, shard, seven(catalog))
            rows += table.num_rows
        took += [time.perf_counter() - began, time.process_time() - busy]
    print(rows, *took, most_resident())


def most_resident() -> int:
    """The largest resident size of this process in MB (Linux; ru_maxrss would begin with the parent's)."""
    told = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return int(told[1]) // 1024 if told else 0


def row(url: str, name: str, subscriptions: int, moment: str, way: str) -> None:
    said = subprocess.run(
        [sys.executable, __file__, "read", url, moment, way], capture_output=True, text=True, check=True
    )
    due, first, busy_first, second, busy, size = said.stdout.split()
    each = float(busy) / int(due) * 1e6
    times = " ".join(f"{float(one):8.2f} s" for one in (first, busy_first, second, busy))
    print(f"{name:9} {subscriptions:12,} {moment:20} {int(due):9,} {times} {each:7.2f} µs {size:>6} MB", flush=True)


def parquet_day(store: Store, folder: Path, catalog: Catalog) -> None:
    """The other idea: Parquet, a file a shard, sorted by the day of the month, read with a filter on it."""
    assert store.columns is not None
    names = [*(one.key for one in seven(catalog)), *KEYS, *OWN]
    for shard in range(SHARDS):
        file = open_file(store.columns, shard)
        assert file is not None
        table = file.table()
        table = table.append_column("day", pc.day(table["subscription.started_on"]))
        pq.write_table(table.sort_by("day"), folder / f"{shard}.parquet", row_group_size=20_000)
    began, rows = time.perf_counter(), 0
    for shard in range(SHARDS):
        found = pq.read_table(folder / f"{shard}.parquet", columns=names, filters=[("day", "==", DAY.day)])
        rows += found.num_rows
    took = time.perf_counter() - began
    print(f"parquet by day of the month, the anniversary's: {rows:,} rows in {took:.2f} s, not yet in order nor exact")


def main(stored: int, filed: int) -> None:
    catalog = shop()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real, thin = f"sqlite:///{folder}/real.db", f"sqlite:///{folder}/thin.db"
        for url in (real, thin):
            upgrade(url)
        store = open_store(real)
        with store.write() as connection:
            reindex(connection, catalog, NOW)
        with timed(f"put {stored:,} customers and subscriptions", 2 * stored):
            put(store, catalog, stored)
        with timed("make the snapshot", stored):
            refresh(store, catalog)
        some = range(0, stored, 100)
        changed = replace(people(np.random.default_rng(8), range(len(some))), ids=[f"C{n:09}" for n in some])
        with store.write() as connection, timed("write one customer in a hundred", len(some)):
            upsert(connection, catalog, CUSTOMERS, changed, NOW)
        print("moment, a hundredth written since the snapshot was made:")
        row(real, "behind", stored, "billing_anniversary", "columns")
        with timed("renew the snapshot", stored):
            refresh(store, catalog)
        size = sum(path.stat().st_size for path in Path(f"{folder}/real.db.columns").iterdir())
        print(f"database {(folder / 'real.db').stat().st_size / 1e6:,.0f} MB, snapshot {size / 1e6:,.0f} MB")
        store.close()
        named = f"{'from':9} {'in all':>12} {'moment':20} {'due':>9}"
        print(named, *(f"{head:>10}" for head in ("first", "busy", "again", "busy", "a row", "peak")))
        for moment in DUE:
            row(real, "database", stored, moment, "database")
            row(real, "columns", stored, moment, "columns")
        thin_store = open_store(thin)
        with thin_store.write() as connection:
            reindex(connection, catalog, NOW)
        for rows in (filed // 100, filed // 10, filed):
            write_files(thin_store, catalog, rows)
            for moment in DUE:
                row(thin, "columns", rows, moment, "columns")
        parquet_day(thin_store, folder, catalog)
        thin_store.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read_day(*sys.argv[2:])
    else:
        sizes = [int(each) for each in sys.argv[1:]]
        main(*(sizes + [1_000_000, 10_000_000][len(sizes) :]))
