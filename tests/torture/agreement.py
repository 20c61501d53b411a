"""Every form of matching against the reference, on millions of random rules and hostile rows, from both databases.

    python -m tests.torture.agreement [COMPARISONS]

A world is some hundred customers with values missing in every place and values next to which comparisons go wrong
(`tests.strategies`), put into a SQLite store and into a PostgreSQL store (where its programs are installed). Random
rules are then asked of every row: the reference interpreter and the event index read rows of state, the batch form
reads columns from either store and from memory. A divergence is shrunk by hypothesis to the smallest rule, then to the
row's fewest values, and written to tests/golden/agreement, where a normal test asks it for ever.

Measured in two processes on two cores that were busy with other work (load 3 to 4): 5,992,800 comparisons, all equal,
in 4 minutes and 9 seconds. With 200 customers a world, half of the time went into drawing rules.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from dsl.catalog import Owner
from dsl.datatypes import Value
from dsl.typed import Condition
from engine.matching.interpreter import holds
from engine.matching.plan import FEW_ROWS, Plan
from engine.store.session import Store, open_store
from engine.store.snapshot.everybody import everybody
from engine.store.state import customer_states, put_customers, put_subscriptions
from engine.store.tables import SHARDS
from tests.agreement_cases import Case, save
from tests.agreement_world import named, people
from tests.conftest import Server, make_tables
from tests.strategies import ATTRIBUTES, DAYS, conditions, make_batch, make_rows
from tests.test_matching_store import CATALOG, NOW

CUSTOMERS = 500
RULES = 8
LEAVES = 6
EXAMPLES = 50
"""Lists of rules a world."""

WORKERS = 2
"""Processes, each with worlds of its own."""

STORED = [one for one in ATTRIBUTES if one.owner is not Owner.EVENT]
OF_EVENTS = [one for one in ATTRIBUTES if one.owner is Owner.EVENT]

Row = dict[str, Value]


class Divergence(AssertionError):
    """A form says something else than the reference."""

    def __init__(self, form: str, case: Case) -> None:
        super().__init__(f"{form} differs from the reference: {case}")
        self.form, self.case = form, case


class World:
    """The same people as rows of state and, by the name of where they are from, as columns in the same order."""

    def __init__(self, number: int, stores: dict[str, Store]) -> None:
        rng = random.Random(number)
        self.today = rng.choice(DAYS)
        customers, subscriptions = people(rng, self.today, named(CUSTOMERS))
        for store in stores.values():
            with store.write() as connection:
                put_customers(connection, CATALOG, customers, NOW)
                put_subscriptions(connection, CATALOG, subscriptions, NOW)
        read = {name: columns(store) for name, store in stores.items()}
        self.rows = rows_like(next(iter(read.values())), next(iter(stores.values())), customers)
        events = make_rows(len(self.rows), self.today, number)
        for row, event in zip(self.rows, events, strict=True):
            row.update({key: value for key, value in event.items() if key.startswith("event.")})
        beside = make_batch(self.rows, OF_EVENTS, plainly=False)
        self.tables = {name: with_columns(table, beside) for name, table in read.items()}
        self.tables["memory"] = make_batch(self.rows, ATTRIBUTES, plainly=False)

    def narrow(self, row: int) -> None:
        """From here on this row alone, so often that batches stay batches: shrinking asks hundreds of times."""
        self.rows = [self.rows[row]] * (FEW_ROWS + 1)
        self.tables = {
            name: pa.concat_tables([table.slice(row, 1)] * (FEW_ROWS + 1)) for name, table in self.tables.items()
        }

    def compare(self, some: list[Condition]) -> int:
        """How many pairs of a rule and a row were compared. Raises Divergence."""
        plan = Plan(some)
        expected = [[n for n, one in enumerate(some) if holds(one, row, self.today) is True] for row in self.rows]
        self.require("event", some, expected, [plan.match_row(row, self.today) for row in self.rows])
        for name, table in self.tables.items():
            matches = plan.match_batch(table, self.today)
            found: list[list[int]] = [[] for _ in self.rows]
            for row, rule in zip(matches["row"].to_pylist(), matches["rule"].to_pylist(), strict=True):
                found[row].append(rule)
            self.require(f"batch from {name}", some, expected, found)
        return len(some) * len(self.rows)

    def require(self, form: str, some: list[Condition], expected: list[list[int]], found: list[list[int]]) -> None:
        for row, (here, there) in enumerate(zip(expected, found, strict=True)):
            if here != there:
                rule = min(set(here) ^ set(there), default=0)
                case = Case(self.today, some[rule], self.rows[row])
                if len(self.rows) > FEW_ROWS + 1:
                    self.narrow(row)
                raise Divergence(form, case)


def columns(store: Store) -> pa.Table:
    """Everybody, by customer, then subscription."""
    with store.read() as connection:
        blocks = [block for shard in range(SHARDS) for block in everybody(connection, CATALOG, STORED, shard)]
    order = [("customer.id", "ascending"), ("subscription.id", "ascending")]
    return pa.concat_tables(blocks).unify_dictionaries().sort_by(order)


def rows_like(table: pa.Table, store: Store, customers: list[Row]) -> list[Row]:
    """The rows of state of the table's pairs."""
    with store.read() as connection:
        states = customer_states(connection, CATALOG, [str(one["customer.id"]) for one in customers])
    rows = []
    for whose, which in zip(*(table[name].to_pylist() for name in ("customer.id", "subscription.id")), strict=True):
        held = next((one for one in states[whose].subscriptions if one["subscription.id"] == which), {})
        rows.append({**states[whose].customer, **held})
    return rows


def with_columns(table: pa.Table, beside: pa.Table) -> pa.Table:
    for name in beside.column_names:
        table = table.append_column(name, beside[name])
    return table


# --- a world after the other -----------------------------------------------------------------------------------------


def compare_world(number: int, stores: dict[str, Store]) -> int:
    """How many comparisons a world gave. Raises Divergence, shrunk to the smallest rule that hypothesis finds."""
    made, compared = World(number, stores), 0

    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(st.lists(conditions(made.today, leaves=LEAVES, computing=True), min_size=RULES, max_size=RULES))
    def run(some: list[Condition]) -> None:
        nonlocal compared
        compared += made.compare(some)

    run()
    return compared


def work(number: int, postgresql: Callable[[], str] | None) -> tuple[int, str | None]:
    """One world in stores of its own: comparisons, or what differs and where it is written down."""
    with tempfile.TemporaryDirectory(prefix="carpe-agreement-") as folder:
        make_tables(Path(folder) / "carpe.db")
        stores = {"SQLite": open_store(f"sqlite:///{folder}/carpe.db")}
        if postgresql is not None:
            stores["PostgreSQL"] = open_store(postgresql())
        try:
            return compare_world(number, stores), None
        except Divergence as found:
            case = found.case.smallest() if found.case.differs() else found.case
            return 0, f"{found.form} differs from the reference, see {save(case)}"
        finally:
            for store in stores.values():
                store.close()


class Databases:
    """New PostgreSQL databases with tables, from a server that is there already."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self) -> str:
        url = self.server.new_database()
        self.server.make_tables(url)
        return url


def started() -> Server | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found or importlib.util.find_spec("psycopg") is None:
        return None
    server = Server(found[-1].parent)
    _ = server.migrated
    return server


def main(wanted: int) -> int:
    began, compared, worlds = time.monotonic(), 0, 0
    server = started()
    from_where = "SQLite and PostgreSQL" if server else "SQLite (PostgreSQL's programs or psycopg are not installed)"
    databases = Databases(server) if server else None
    try:
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            while compared < wanted:
                some = [pool.apply_async(work, (worlds + each, databases)) for each in range(WORKERS * 2)]
                worlds += len(some)
                for found, differs in (each.get() for each in some):
                    compared += found
                    if differs:
                        print(differs)
                        return 1
                took = time.monotonic() - began
                print(f"{compared:,} comparisons in {worlds} worlds, {took:.0f} s", flush=True)
    finally:
        if server:
            server.stop()
    print(f"{compared:,} rule-row comparisons: reference, event, batch from memory, from {from_where}: all agree")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000))
