"""What does the past of a due set cost? `python -m tests.bench.bench_happenings [customers] [url]`

A store with ten events a customer over a year, of five moments (200,000 customers: 2 million events); then the columns
of rules that count, for 20,000 customers due at nine in the morning of seven zones, and for one customer.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dsl.catalog import Catalog, Moment, MomentKind, Owner
from dsl.datatypes import DataType, Kind
from dsl.syntax import TimeUnit
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


def fill(store: Store, people: int) -> None:
    rng = random.Random(1)
    start = dt.datetime(2025, 3, 16, tzinfo=dt.UTC)
    now = instant_text(dt.datetime(2026, 3, 15, tzinfo=dt.UTC))

    def happened() -> Iterator[tuple[Any, ...]]:
        for number in range(people * 10):
            at = instant_text(start + dt.timedelta(seconds=rng.randrange(365 * 86400)))
            properties = f'{{"minutes":{rng.randrange(60)}.0,"page":"/p{rng.randrange(9)}"}}'
            whose = f"c{rng.randrange(people):07}"
            yield "bench", str(number), rng.choice(MOMENTS), whose, at, now, properties, "", "history"

    with store.write() as connection:
        names = ("id", "zone", "shard", "tags", "attributes", "valid_from", "recorded_at")
        rows = ((f"c{n:07}", ZONES[n % 7], n % 16, "[]", "{}", now, now) for n in range(people))
        insert_rows(connection, customers, names, rows)
        names = ("source", "id", "moment", "customer_id", "occurred_at", "recorded_at", "properties", "digest", "state")
        insert_rows(connection, events, names, happened())


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
    "1 sum, 365 days": (SumOf(MINUTES, Events("call", ALWAYS, Window(365, TimeUnit.DAYS))),),
}


def fastest(work: Callable[[], Any], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'bench.db'}"
        upgrade(url)
        store = open_store(url)
        fill(store, people)
        print(f"{people * 10:,} events, {store.dialect}")
        for size in (DUE, 1):
            table = due(people, size)
            for name, terms in ASKED.items():
                with store.read() as connection:
                    taken = fastest(lambda c=connection, t=table, some=terms: with_history(c, CATALOG, t, some, DAY))
                print(f"{size:>7,} due, {name}: {taken * 1000:,.2f} ms")
        store.close()


if __name__ == "__main__":
    main()
