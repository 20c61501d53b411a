"""How long does "why" take? `python -m tests.bench.bench_why [PAIRS]`

*Funnel*: one rule of six clauses over so many pairs (default a million) in a snapshot's files, clause by clause.
*Computing clauses*: one clause over a million rows in memory, all rows at once, beside the reference on some of them.
*Near misses*: of 1,000 rules, for one customer's row in memory; beside the reference asked clause by clause.
"""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.bench.bench_matching import rows as made_rows
from tests.bench.bench_matching import rules as made_rules

from dsl.datatypes import DataType, Kind
from dsl.service import check
from dsl.typed import Amount, Arithmetic, Attribute, Owner, Relation, Test
from engine.matching.interpreter import clauses, holds
from engine.matching.plan import Plan, compile_plan
from engine.matching.rows import full_rows
from engine.simulation.base_funnel import base_funnel
from engine.store.reindex import reindex
from engine.store.schema import upgrade
from engine.store.session import open_store
from tests.bench.bench_due import most_resident, write_files
from tests.bench.bench_import import CATALOG

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
TODAY = dt.date(2026, 3, 15)
RULE = """
on billing_anniversary where started_on before 2022-01-01 and (plan = basic or mrr > $50) and not country = US
  and mrr * 12 > subscription.seats * $2 and autopay and has backup offer premium
"""
SEATS = Attribute(Owner.SUBSCRIPTION, "seats", DataType(Kind.COUNT))
MRR = Attribute(Owner.SUBSCRIPTION, "mrr", DataType(Kind.MONEY))
SCORE = Attribute(Owner.CUSTOMER, "score", DataType(Kind.NUMBER))
CURRENCY = Attribute(Owner.SUBSCRIPTION, "currency", DataType(Kind.TEXT))
AN_AMOUNT = DataType(Kind.MONEY)
COMPUTING = {
    "mrr / seats > 9.99": Test("greater", Arithmetic("/", Amount(MRR, None), SEATS, AN_AMOUNT), (Decimal("9.99"),)),
    "score > seats": Relation("greater", SCORE, SEATS),
}


def median(call: Callable[[], object], times: int = 5) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def funnel(pairs: int) -> None:
    ruleset = check({"catalog.yaml": CATALOG, "a.rules": RULE}).ruleset
    assert ruleset is not None
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'carpe.db'}"
        upgrade(url)
        store = open_store(url)
        with store.write() as connection:
            reindex(connection, ruleset.catalog, NOW)
        write_files(store, ruleset.catalog, pairs)
        before = most_resident()
        took = median(lambda: base_funnel(store, ruleset, ruleset.rules[0], TODAY), 3)
        print(f"funnel of {pairs:,} pairs, six clauses: {took:.2f} s; {most_resident() - before} MB more than before")
        store.close()


def computing(rows: int = 1_000_000, sample: int = 2_000) -> None:
    rng = np.random.default_rng(1)
    currency = pa.array(["USD"] * rows).dictionary_encode()
    table = pa.table(
        {
            MRR.key: pa.array(rng.integers(100, 100_000, rows)),
            f"{MRR.key}.currency": currency,
            CURRENCY.key: currency,
            SEATS.key: pa.array(rng.integers(0, 50, rows)),
            SCORE.key: pa.array(rng.random(rows) * 100),
        }
    )
    for name, clause in COMPUTING.items():
        plan = Plan([clause])
        took = median(lambda plan=plan: plan.count_batch(table, TODAY))  # type: ignore[misc]
        some = full_rows(table.slice(0, sample), plan.attributes, ())
        one_by_one = median(lambda some=some, clause=clause: [holds(clause, row, TODAY) for row in some])  # type: ignore[misc]
        ratio = one_by_one / sample * rows / took
        print(f"{name}, {rows:,} rows: {took:.3f} s, {ratio:.0f} times as fast as the reference")


def near(count: int = 1_000) -> None:
    rules = made_rules(count)
    plan = compile_plan(rules)
    row = made_rows(1)[0]
    plan.near_misses(row, TODAY)
    took = median(lambda: plan.near_misses(row, TODAY))
    by_the_book = median(lambda: [clauses(rule.condition, row, TODAY) for rule in rules])
    found = plan.near_misses(row, TODAY)
    print(
        f"near misses of {count:,} rules: {len(found)} in {took * 1e3:.1f} ms; the reference {by_the_book * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    funnel(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    computing()
    near()
