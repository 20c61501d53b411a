"""`carpe run`, killed with SIGKILL again and again, must leave the tables of a run that nobody disturbed.

    python -m tests.torture.kills [KILLS] [SEED]

A made-up world is copied; on one copy the pass runs through; on another it is killed at random moments until enough
kills landed and then runs to its end. Decisions, receipts, deliveries, counters, ledger and events must be equal.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from dsl.typed import Ruleset
from engine.decisions.ledger import COUNTS
from engine.demo.events import year_of_events
from engine.demo.population import population
from engine.rulebook import load, usable
from engine.store.events import put_events
from engine.store.schema import upgrade
from engine.store.session import open_store
from engine.store.state import put_customers, put_subscriptions
from engine.store.tables import batches, counters, customers, decisions, deliveries, events, receipts

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"

# What a decision is, without when and in which pass it was made.
COMPARED: dict[sa.Table, tuple[str, ...]] = {
    decisions: tuple(column.name for column in decisions.c if column.name not in ("decided_at", "pass_id")),
    receipts: ("decision_id", "body"),
    deliveries: ("decision_id", "channel", "customer_id"),
    batches: ("local_date", "moment", "offset", "zone", "shard"),
    events: ("source", "id", "state"),
    customers: ("id", "tags"),
}


def make_world(database: Path, size: int, now: dt.datetime, seed: int = 7) -> Ruleset:
    """A database of made-up customers, their subscriptions and events, nothing decided yet."""
    ruleset = usable(load(RULES), RULES)
    upgrade(f"sqlite:///{database}")
    store = open_store(f"sqlite:///{database}")
    people, held = population(ruleset.catalog, size, now.date(), seed)
    with store.write() as connection:
        put_customers(connection, ruleset.catalog, people, now)
        put_subscriptions(connection, ruleset.catalog, held, now)
        recent = (each for each in year_of_events(ruleset.catalog, people, held, now, seed) if _is_fresh(each, now))
        put_events(connection, ruleset.catalog, recent, now)
    store.close()
    return ruleset


def _is_fresh(event, now: dt.datetime) -> bool:
    return now - event.occurred_at < dt.timedelta(days=1)


def carpe_run(database: Path, day: dt.date) -> None:
    """`carpe run --as-of DAY`, in this process."""
    from engine.cli.main import cli

    url = f"sqlite:///{database}"
    arguments = ["run", "--as-of", str(day), "--database", url, "--rules", str(RULES), "--json"]
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    cli.main(arguments, standalone_mode=False)


# Children are forked from a server that has imported everything: a kill lands in the pass, not in Python's start.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["engine.cli.main", "tests.torture.kills"])


def run_through(database: Path, day: dt.date) -> None:
    process = FORKS.Process(target=carpe_run, args=(database, day))
    process.start()
    process.join()
    assert process.exitcode == 0


def run_and_kill(database: Path, day: dt.date, after: float) -> bool:
    """Start a pass and kill it after some seconds; False where it was finished before."""
    process = FORKS.Process(target=carpe_run, args=(database, day))
    process.start()
    process.join(after)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def tables(database: Path) -> dict[str, list[tuple]]:
    """What must not depend on how often a pass was killed, sorted."""
    store = open_store(f"sqlite:///{database}")
    with store.read() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(sa.select(*(table.c[name] for name in names)))))
            for table, names in COMPARED.items()
        }
        found["counters"] = sorted(map(repr, connection.execute(_counted())))
    store.close()
    return found


def _counted() -> sa.Select:
    """Counters summed over passes: how often a pass was killed says nothing of what was due."""
    key = [column for column in counters.primary_key if column.name != "pass_id"]
    return sa.select(*key, *(sa.func.sum(counters.c[name]) for name in COUNTS)).group_by(*key)


def batches_done(database: Path) -> int:
    store = open_store(f"sqlite:///{database}")
    with store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(batches))


def torture(folder: Path, kills: int, seed: int, size: int = 3_000) -> dict[str, int]:
    """Kill until `kills` landed, then compare; raises AssertionError where a table differs."""
    rng = random.Random(seed)
    now = dt.datetime.now(dt.UTC).replace(hour=12, microsecond=0)
    base, calm = folder / "base.db", folder / "calm.db"
    make_world(base, size, now)
    shutil.copy(base, calm)
    shutil.copy(base, folder / "first.db")
    run_through(folder / "first.db", now.date())  # starts the server of forks, so that the next is timed alone
    started = time.monotonic()
    run_through(calm, now.date())
    length = time.monotonic() - started
    expected = tables(calm)
    assert expected["decisions"], "the world is too small: nothing was decided"
    landed = rounds = in_the_middle = 0
    while landed < kills:
        rounds += 1
        hurt = folder / f"hurt-{rounds}.db"
        shutil.copy(base, hurt)
        for _ in range(6):
            landed += run_and_kill(hurt, now.date(), rng.uniform(0.2, 1.0) * length)
            in_the_middle += 0 < batches_done(hurt) < len(expected["batches"])
        run_through(hurt, now.date())
        run_through(hurt, now.date())
        for name, rows in tables(hurt).items():
            assert rows == expected[name], f"{name} differs after {landed} kills (seed {seed})"
        hurt.unlink()
    return {
        "kills": landed,
        "left half done": in_the_middle,
        "rounds": rounds,
        **{k: len(v) for k, v in expected.items()},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
        print(torture(Path(place), wanted, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
