"""Two schedulers under blows: nothing is repeated, nothing is lost, and nothing is without a reason.

    python -m tests.torture.schedulers [SECONDS] [SEED]

On SQLite and on PostgreSQL, for so many seconds each, two real processes tick on clocks that run 3,600 times as fast
as ours, so that an hour of business passes in a second and something is always due. They are killed with SIGKILL at
random moments and at named places; stopped there or anywhere for longer than the lease lasts, and woken up again; the
database is locked by somebody else, its server restarted in immediate mode, its disk full. Each one that dies is
started anew. Meanwhile people come, move and correct dates, and events arrive.

Then one undisturbed pass, and the accounts (`accounts`).
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from engine.deliveries.outbox import deliver
from engine.passes import run_pass
from engine.store.session import Store, open_store
from engine.store.snapshot.refresh import refresh
from engine.store.tables import passes
from tests.torture import accounts, story
from tests.torture.blows import POINTS, Clock
from tests.torture.databases import Database, PostgreSQL, SQLite
from tests.torture.story import DAY, START, Person
from tests.torture.supervisor import Torture
from tests.torture.writer import Writer, put

SPEED = 3600
"""A story of three minutes is shorter than nine days then: patient rules are never too late, however slow the machine.
"""
LONGEST = 190
"""Seconds of a story."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are written without waiting for a disk: a killed process leaves the same there."""


def made_up(size: int, rng: random.Random, days: int) -> list[Person]:
    """Of ten people seven stay, two move and one has a date that will be corrected; the first ones stay."""
    kinds = [*("stays" for _ in story.ZONES), *rng.choices(("stays", "moves", "shifts"), (7, 2, 1), k=size)]
    return [story.person(number, kind, rng, START.date(), days) for number, kind in enumerate(kinds)]


def torment(
    database: Database, folder: Path, seconds: float, seed: int, size: int = 1_500, *, everywhere: bool = False
) -> dict[str, int]:
    """Raises AssertionError where a promise is broken; else the figures of what was survived and checked."""
    assert seconds <= LONGEST, "patience would end"
    rng, began = random.Random(seed), time.monotonic()
    rules = folder / "rules"
    rules.mkdir()
    (rules / "catalog.yaml").write_text(story.CATALOG)
    (rules / "all.rules").write_text(story.RULES)
    store, ruleset = open_store(database.url), story.ruleset()
    people = made_up(size, rng, max(3, int(seconds * SPEED / 86_400) + 2))
    with store.write() as connection:
        put(connection, ruleset.catalog, people, START)
    if store.columns:
        refresh(store, ruleset.catalog)
    run_pass(store, ruleset, START)
    clock = Clock.starting(SPEED)
    writer = Writer(store, clock, people, random.Random(seed + 1))
    torture = Torture(database, rules, clock, rng)
    writer.start()
    try:
        torture.last(seconds, LONGEST if everywhere else seconds)
    finally:
        torture.end()
        writer.stop()
    figures = check(store, torture, writer)
    store.close()
    survived = {**torture.seen, **{f"at “{point}”": count for point, count in torture.struck.items()}, **writer.told}
    return {**survived, "told again": writer.failed.total(), **figures, "seconds": round(time.monotonic() - began)}


def check(store: Store, torture: Torture, writer: Writer) -> dict[str, int]:
    """One undisturbed pass at the next hour at which the same day is due in all zones; then the accounts."""
    end = START
    while end < torture.clock.wall():
        end += DAY
    rules, first, last = story.ruleset(), START.date(), end.date()
    tracebacks = [line for line in torture.said if line.startswith("traceback")]
    assert not tracebacks, tracebacks
    run_pass(store, rules, end)
    with heard(torture.lines):
        deliver(store, rules, end + dt.timedelta(hours=1))
    assert run_pass(store, rules, end).total("due") == 0
    due = accounts.conserved(store)
    accounts.once(store)
    accounts.complete(store, rules, first, last)
    accounts.people_as_told(store, writer.people)
    expected = story.expect(writer.people, first, last)
    accounts.as_expected(store, expected)
    accounts.shifted(store, writer.people, first, last)
    accounts.visited(store, writer.visits, end)
    again = accounts.delivered(store, torture.lines)
    with store.read() as connection:
        done = connection.scalar(sa.select(sa.func.count()).select_from(passes)) or 0
    figures = {"days": (last - first).days, "passes": done, "occurrences due": due}
    return {**figures, "met for certain": len(expected.must), "messages": len(torture.lines), "sent again": again}


@contextmanager
def heard(lines: Counter[int]) -> Iterator[None]:
    """Counts the messages that this process writes to the log."""
    log, handler = logging.getLogger("carpe.deliveries"), logging.Handler()
    handler.emit = lambda record: lines.update([record.args[0]])  # type: ignore[method-assign]
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield
    log.removeHandler(handler)
    log.setLevel(level)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(dir=MEMORY) as place, opened(kind, Path(place)) as database:
            figures = torment(database, Path(place), seconds, seed, everywhere=True)
            print(f"{kind}: " + ", ".join(f"{count:,} {name}" for name, count in figures.items()), flush=True)
            print(
                "never struck: " + (", ".join(p for p in POINTS if not figures[f"at “{p}”"]) or "no place"), flush=True
            )


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Database]:
    database = SQLite(folder) if kind == "sqlite" else PostgreSQL()
    try:
        yield database
    finally:
        database.close()


if __name__ == "__main__":
    main()
