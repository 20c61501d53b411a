"""Batches of rows against all rules of a moment: `python -m tests.bench batches`

Carpe always finds every match, for a held offer falls to the next; the first of a row is read off those. Rows are made
up in memory, as columns. Where rules match many rows, what is read out weighs more than what is computed: peers answer
"every match" with a truth a rule and row, which nobody has read out yet, Carpe with pairs in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dsl.typed import MomentUse, Rule, Say, Test
from engine.matching.plan import Plan, compile_plan
from tests.bench.bench_events import DENSE, SPARSE, is_here, writer
from tests.bench.made_up import SEATS, TODAY, batch, rules
from tests.bench.measuring import Line, medians, scaled, thousands
from tests.bench.plain import Plain, flat, plain

PEERS = {"DuckDB": ("duckdb", "duck", 10), "Polars": ("polars", "polars_frame", 3)}


def lines(scale: float) -> Iterator[Line]:
    size = scaled(1000, scale, 20)
    some = {least: rules(size, least) for least in (SPARSE, DENSE)}
    for least, name in ((SPARSE, "4 to 6"), (DENSE, "2 to 4")):
        yield from _beside_peers(some[least], scaled(100_000, scale, 200), f"rules of {name} clauses", least)
    yield _due(some[SPARSE], scaled(360_000, scale, 200))
    yield _growth_in_rules(scale)
    yield _simple_rule(scaled(10_000_000, scale, 200))
    yield from _growth_in_rows(some[SPARSE], scale)


def first_of(matches: pa.Table, rows: int) -> npt.NDArray[np.int32]:
    """The first match of each row, -1 where there is none."""
    first = np.full(rows, -1, dtype=np.int32)
    row = matches["row"].to_numpy()
    at = np.flatnonzero(np.diff(row, prepend=-1))
    first[row[at]] = matches["rule"].to_numpy()[at]
    return first


# --- beside peers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """The same rules and rows for everyone."""

    plan: Plan
    table: pa.Table
    conditions: Sequence[Plain]
    flat: pa.Table

    def every(self) -> pa.Table:
        return self.plan.match_batch(self.table, TODAY)

    def first(self) -> npt.NDArray[np.int32]:
        return first_of(self.every(), self.table.num_rows)


def _beside_peers(some: Sequence[Rule], count: int, which: str, least: int) -> Iterator[Line]:
    table = batch(count)
    setting = Setting(compile_plan(some), table, [plain(rule.condition, TODAY) for rule in some], flat(table))
    what = f"{thousands(count)} rows x {thousands(len(some))} {which}"
    for name, (package, module, goal) in PEERS.items():
        if is_here(package):
            yield _every_match(setting, name, module, goal, what, least)
            yield _first_match(setting, name, module, what, least)


def _every_match(setting: Setting, name: str, module: str, goal: float, what: str, least: int) -> Line:
    query: Callable[[], pa.Table] = writer(module).match_every(setting.conditions, setting.flat)
    _refuse_other_matches(name, setting.every(), query())
    taken = medians({"carpe": setting.every, "peer": query})
    ratio = taken["peer"] / taken["carpe"]
    beside = f"as fast as {name} ({taken['peer']:.2f} s for a column a rule)"
    key = f"batch.every.{least}.{name}"
    return Line(key, f"{what}, every match", taken["carpe"], "s", ratio, beside, ratio_least=goal)


def _refuse_other_matches(name: str, matches: pa.Table, found: pa.Table) -> None:
    """The peer's truths, a column a rule, must be these pairs of row and rule."""
    row, rule = matches["row"].to_numpy(), matches["rule"].to_numpy()
    for number, column in enumerate(found.columns):
        if not np.array_equal(np.flatnonzero(column.to_numpy()), row[rule == number]):
            raise AssertionError(f"{name} and Carpe disagree on rule {number}")


def _first_match(setting: Setting, name: str, module: str, what: str, least: int) -> Line:
    query: Callable[[], npt.NDArray[np.int32]] = writer(module).match_first(setting.conditions, setting.flat)
    if not np.array_equal(query(), setting.first()):
        raise AssertionError(f"{name} and Carpe disagree on first matches")
    taken = medians({"carpe": setting.first, "peer": query})
    ratio = taken["peer"] / taken["carpe"]
    beside = f"as fast as {name} ({taken['peer']:.2f} s, stopping at the first)"
    return Line(f"batch.first.{least}.{name}", f"{what}, first match", taken["carpe"], "s", ratio, beside)


# --- beside floors, and beside itself --------------------------------------------------------------------------------


def _sum_of(table: pa.Table) -> Callable[[], object]:
    """Reads every byte of a table once, by numpy."""
    buffers = [buffer for column in table.columns for chunk in column.chunks for buffer in _buffers(chunk)]
    return lambda: [np.frombuffer(buffer, np.uint8, len(buffer) // 8 * 8).view(np.uint64).sum() for buffer in buffers]


def _buffers(chunk: pa.Array) -> list[pa.Buffer]:
    return [buffer for buffer in chunk.buffers() if buffer is not None]


def _due(some: Sequence[Rule], count: int) -> Line:
    """A day's due set, to the best match."""
    plan, table = compile_plan(some), batch(count)
    first = lambda: first_of(plan.match_batch(table, TODAY), count)  # noqa: E731
    taken = medians({"carpe": first, "floor": _sum_of(table)})
    what = f"the day's due set, {thousands(count)} rows x {thousands(len(some))} rules, best match"
    beside = f"a sum over the same bytes ({taken['floor'] * 1e3:.2f} ms)"
    return Line("batch.due", what, taken["carpe"], "s", taken["carpe"] / taken["floor"], beside, most=0.25)


def _growth_in_rules(scale: float) -> Line:
    """A hundred times the rules."""
    table, many = batch(scaled(360_000, scale, 200)), scaled(1000, scale, 20)
    few_plan, plan = compile_plan(rules(10, SPARSE)), compile_plan(rules(many, SPARSE))
    match = {"few": lambda: few_plan.match_batch(table, TODAY), "many": lambda: plan.match_batch(table, TODAY)}
    taken = medians(match)
    what = f"{thousands(table.num_rows)} rows x {thousands(many)} rules, every match"
    beside = f"the cost of 10 rules ({taken['few'] * 1e3:.1f} ms)"
    return Line("batch.rules", what, taken["many"], "s", taken["many"] / taken["few"], beside, ratio_most=20.0)


def _simple_rule(count: int) -> Line:
    """One comparison of one column, which few rows pass."""
    plan = compile_plan([Rule("r", None, (MomentUse("m"),), Test("greater", SEATS, (38,)), (Say("x"),))])
    table = pa.table({SEATS.key: np.random.default_rng(3).integers(1, 40, count)})
    taken = medians({"carpe": lambda: plan.match_batch(table, TODAY), "floor": _sum_of(table)})
    what = f"one simple rule, {thousands(count)} rows"
    beside = f"a sum over the same bytes ({taken['floor'] * 1e3:.2f} ms)"
    return Line("batch.simple", what, taken["carpe"], "s", taken["carpe"] / taken["floor"], beside, ratio_most=5.0)


def _growth_in_rows(some: Sequence[Rule], scale: float) -> Iterator[Line]:
    """The same rules on ten and a hundred times the rows: what a row costs stays what it is."""
    plan = compile_plan(some)
    cost: dict[int, float] = {}
    for named in (100_000, 1_000_000, 10_000_000):
        count = scaled(named, scale, 200)
        table = batch(count)
        taken = medians({"carpe": lambda table=table: plan.match_batch(table, TODAY)})["carpe"]
        cost[named] = taken / count
        yield Line(
            f"batch.rows.{named}",
            f"{thousands(count)} rows x {thousands(len(some))} rules, every match",
            taken,
            "s",
            cost[named] / cost[100_000],
            f"the cost of a row among {thousands(scaled(100_000, scale, 200))}",
            most=4.0 if named == 10_000_000 else None,
            ratio_most=1.3,
        )
