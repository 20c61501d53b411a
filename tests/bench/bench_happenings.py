"""What does the past of a due set cost? `python -m tests.bench.bench_happenings [customers ...] [url]`

Stores with ten events a customer over a year, of five moments (100,000 customers: a million events); then the columns
of rules that count, for 20,000 customers due at nine in the morning of seven zones, and for one customer. Processor
time and time on the wall are the best of some runs; `cold` is the wall time of a first run, after the operating system
was told to forget the file (SQLite only).
"""

from __future__ import annotations

import datetime as dt
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.choices import TimeUnit
from dsl.datatypes import DataType, Kind
from dsl.typed import All, Attribute, CountOf, Events, Historic, LastOf, SumOf, Test, Window
from engine.happenings.history import with_history
from engine.moments.calendar import due_instant
from engine.moments.subjects import Occurrence, key_columns
from engine.store.bulk import insert_rows, instant_text
from engine.store.schema import upgrade
from engine.store.session import Store, open_store
from engine.store.tables import customers, events

DAY = dt.date(2026, 3, 15)
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Tokyo",
    "UTC",
    "Asia/Kolkata",
)
MOMENTS = ("visit", "call", "download", "opened", "clicked")
PROPERTIES = {"page": DataType(Kind.TEXT), "minutes": DataType(Kind.NUMBER)}
CATALOG = Catalog(
    "USD",
    "UTC",
    moments={name: Moment(name, MomentKind.EVENT, Owner.CUSTOMER, properties=PROPERTIES) for name in MOMENTS},
)
ALWAYS = All(())
DUE = 20_000
PART = 1_000_000


def fill(store: Store, people: int) -> None:
    """As a restored database is filled: the rows first, then the index that they are read by."""
    now = instant_text(dt.datetime(2026, 3, 15, tzinfo=dt.UTC))
    with store.write() as connection:
        names = ("id", "zone", "shard", "tags", "attributes", "valid_from", "recorded_at")
        rows = ((f"c{n:07}", ZONES[n % 7], n % 16, "[]", "{}", now, now) for n in range(people))
        insert_rows(connection, customers, names, rows)
        index = next(one for one in events.indexes if one.info.get("only") == store.dialect)
        index.drop(connection)
        names = ("source", "id", "moment", "customer_id", "occurred_at", "recorded_at", "properties", "digest", "state")
        for start in range(0, people * 10, PART):
            insert_rows(connection, events, names, happened(people, start, now))
        index.create(connection)


def happened(people: int, start: int, now: str) -> Iterator[tuple[Any, ...]]:
    """A part of the events, in no order of customers."""
    rng = np.random.default_rng(start)
    size = min(PART, people * 10 - start)
    seconds = rng.integers(365 * 86400, size=size).astype("timedelta64[s]")
    instants = (np.datetime64("2025-03-16T00:00:00.000000") + seconds).astype(str).tolist()
    drawn = (rng.integers(most, size=size).tolist() for most in (5, people, 60, 9))
    for number, (at, moment, whose, minutes, page) in enumerate(zip(instants, *drawn, strict=True), start):
        properties = f'{{"minutes":{minutes}.0,"page":"/p{page}"}}'
        when = at.replace("T", " ")
        yield "bench", f"{number:09}", MOMENTS[moment], f"c{whose:07}", when, now, properties, "0" * 32, "history"


def due(people: int, size: int) -> pa.Table:
    rng = random.Random(2)
    instants = {zone: due_instant(DAY, dt.time(9), zone) for zone in ZONES}
    whose = [(f"c{n:07}", ZONES[n % 7]) for n in sorted(rng.sample(range(people), size))]
    return key_columns(
        Occurrence("m", 0, Owner.CUSTOMER, one, None, "m:1", zone, instants[zone]) for one, zone in whose
    )


def count(moment: str, days: int | None, where: Any = ALWAYS) -> CountOf:
    return CountOf(Events(moment, where, None if days is None else Window(days, TimeUnit.DAYS)))


MINUTES = Attribute(Owner.EVENT, "minutes", DataType(Kind.NUMBER))
LONG = Test("greater", MINUTES, (30.0,))
ASKED: dict[str, tuple[Historic, ...]] = {
    "3 counts, 30, 90 and 365 days": (count("visit", 30), count("call", 90), count("opened", 365)),
    "3 counts, ever": (count("visit", None), count("call", None), count("opened", None)),
    "1 count by the calendar, 12 months": (CountOf(Events("visit", ALWAYS, Window(12, TimeUnit.MONTHS))),),
    "the last visit ever": (LastOf(Events("visit", ALWAYS)),),
    "1 count with a where, 365 days": (count("call", 365, LONG),),
    "3 counts, 2 with one where, 1 sum, the last ever": (
        count("visit", 30),
        count("call", 90, LONG),
        count("call", 365, LONG),
        SumOf(MINUTES, Events("download", ALWAYS, Window(90, TimeUnit.DAYS))),
        LastOf(Events("opened", ALWAYS)),
    ),
    "1 sum, 365 days": (SumOf(MINUTES, Events("call", ALWAYS, Window(365, TimeUnit.DAYS))),),
}


def forget_file(path: str) -> None:
    """Let the operating system drop what it keeps of a file in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def measure(store: Store, table: pa.Table, terms: tuple[Historic, ...], times: int) -> tuple[float, float, float]:
    """First, then best processor and best wall time, in milliseconds."""
    taken = []
    with store.read() as connection:
        for _ in range(times):
            wall, processor = time.perf_counter(), time.process_time()
            with_history(connection, CATALOG, table, terms, DAY)
            taken.append((time.perf_counter() - wall, time.process_time() - processor))
    return 1000 * taken[0][0], 1000 * min(one[1] for one in taken), 1000 * min(one[0] for one in taken)


def bench(url: str, people: int) -> None:
    upgrade(url)
    store = open_store(url)
    fill(store, people)
    print(f"{people * 10:,} events, {store.dialect}")
    for size in (DUE, 1):
        table = due(people, size)
        for name, terms in ASKED.items():
            if path := url.partition("sqlite:///")[2]:
                store.close()  # and with its connections the pages that they keep
                forget_file(path)
            cold, processor, wall = measure(store, table, terms, 5 if size > 1 else 50)
            print(f"{size:>7,} due, {name}: cold {cold:,.1f}, processor {processor:,.2f}, wall {wall:,.2f} ms")
    store.close()


def main() -> None:
    sizes = [int(one) for one in sys.argv[1:] if one.isdigit()] or [100_000]
    urls = [one for one in sys.argv[1:] if not one.isdigit()]
    for people in sizes:
        with tempfile.TemporaryDirectory() as folder:
            bench(urls[0] if urls else f"sqlite:///{Path(folder) / 'bench.db'}", people)


if __name__ == "__main__":
    main()
