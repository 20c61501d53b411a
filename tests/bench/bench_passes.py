"""A pass end to end: `python -m tests.bench passes`

A store of a million subscriptions, of which a day's due set is a twenty-fifth, and a thousand rules: found, read,
matched, decided and written, about 100,000 decisions with their receipts. Each repeat is another day of the same store.
The floor is the driver's own `executemany` (SQLite) or binary COPY (PostgreSQL) of the very rows that a pass wrote, in
as many transactions, into the same tables: whatever a pass does must at least write them.
"""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dsl.typed import Ruleset
from engine.decisions import ledger
from engine.passes import deciding, run_pass, scheduled
from engine.store.inserts import columns_of, insert_columns
from engine.store.session import Store
from engine.store.snapshot.refresh import refresh
from engine.store.tables import SHARDS, decisions, deliveries, offers, receipts
from tests.bench.large_store import DAY, NOW, make_store, ruleset
from tests.bench.measuring import REPEATS, Line, scaled, thousands, timed_steps
from tests.conftest import Server, binaries

STEPS = (
    ("find and read", scheduled, "due_table"),
    ("match", deciding, "merge"),
    ("ask the ledger", ledger, "known"),
    ("ask the ledger", ledger, "taken"),
    ("decide", deciding, "outcome"),
    ("receipts and rows", deciding, "written"),
    ("write", ledger, "write"),
)
"""What a pass does, by the functions that do it; what is left is mostly the commits."""


def lines(scale: float) -> Iterator[Line]:
    count, rules = scaled(1_000_000, scale, 2_000), ruleset(scaled(1000, scale, 200))
    with tempfile.TemporaryDirectory() as name:
        yield from _of_database("sqlite", f"sqlite:///{name}/carpe.db", rules, count, Path(name) / "columns")
        if server := _server():
            try:
                yield from _of_database("postgresql", server.new_database(), rules, count, Path(name) / "pg")
            finally:
                server.stop()


def _server() -> Server | None:
    """A PostgreSQL server, where its programs are installed."""
    try:
        return Server(binaries(), durable=True)
    except pytest.skip.Exception:
        return None


def _of_database(kind: str, url: str, rules: Ruleset, count: int, columns: Path) -> Iterator[Line]:
    store = make_store(url, rules.catalog, count, columns)
    refresh(store, rules.catalog)
    took: dict[str, list[float]] = defaultdict(list)
    for number in range(1 + REPEATS):  # the first is not counted
        day = DAY + dt.timedelta(days=number)
        with timed_steps(STEPS) as steps:
            began = time.perf_counter()
            report = run_pass(store, rules, NOW, day=day)
            whole = time.perf_counter() - began
        if number:
            took["whole"].append(whole)
            took["floor"].append(_write_again(store, day))
            for step, seconds in steps.items():
                took[step].append(seconds)
    size = _bytes_a_receipt(store)
    store.close()
    middle = {step: statistics.median(some) for step, some in took.items()}
    made = report.total("offered") + report.total("held")
    what = f"{kind}: {thousands(made)} decisions of {thousands(count)} subscriptions, receipts of {size:.0f} bytes"
    beside = f"writing the same rows alone ({middle['floor']:.2f} s)"
    ratio = middle["whole"] / middle["floor"]
    yield Line(f"passes.{kind}", what, middle["whole"], "s", ratio, beside, most=10.0)
    for step in dict.fromkeys(name for name, *_ in STEPS):
        share = middle[step] / middle["whole"]
        yield Line(f"passes.{kind}.{step}", f"{kind}: of it to {step}", middle[step], "s", share, "the whole pass")


# --- the floor -------------------------------------------------------------------------------------------------------


def _write_again(store: Store, day: dt.date) -> float:
    """Seconds to write a day's rows once more, in as many transactions, after they were taken out."""
    of_day = sa.select(decisions.c.id).where(decisions.c.local_date == day)
    parts = {receipts: receipts.c.decision_id, deliveries: deliveries.c.decision_id, offers: offers.c.id}
    tables = {**parts, decisions: decisions.c.id}
    kept = {}
    with store.write() as connection:
        for table, key in tables.items():
            mine = key.in_(of_day)
            columns = [each for each in table.c if not (table is deliveries and each is deliveries.c.id)]
            rows = connection.execute(sa.select(*(_stored(each) for each in columns)).where(mine).order_by(key))
            kept[table] = columns_of(table, [dict(row._mapping) for row in rows])
            connection.execute(table.delete().where(mine))
    keys = {table: kept[table][key.name].to_pylist() for table, key in tables.items()}
    ids = keys[decisions]
    edges = [*(ids[len(ids) * number // SHARDS] for number in range(SHARDS)), "g"]  # hexadecimal digits end with f
    began = time.perf_counter()
    for number in range(SHARDS):
        with store.write() as connection:
            for table in (decisions, *parts):
                first, end = (bisect_left(keys[table], edges[number + each]) for each in (0, 1))
                insert_columns(connection, table, kept[table].slice(first, end - first))
    return time.perf_counter() - began


def _stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as it is inserted: documents as text."""
    return sa.cast(column, sa.Text).label(column.name) if isinstance(column.type, sa.JSON) else column


def _bytes_a_receipt(store: Store) -> float:
    with store.read() as connection:
        return float(connection.scalar(sa.select(sa.func.avg(sa.func.length(sa.cast(receipts.c.body, sa.Text))))) or 0)
