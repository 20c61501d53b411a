"""One event against all rules of a moment: `python -m tests.bench events`

Everything is in memory; the peers are given the same rules and rows, and are asked for every rule that matches. The
first of Carpe's matches is the winner where rules are in the order of their rank.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dsl.typed import Rule
from engine.matching.matcher import OFTEN
from engine.matching.plan import Plan, compile_plan
from engine.matching.terms import Row
from tests.bench.made_up import TODAY, batch, rows, rules
from tests.bench.measuring import Line, medians, scaled, thousands
from tests.bench.plain import Event, flat, plain

PEERS = {
    "zen-engine": ("zen", "zen_engine", 20),
    "cel-expr-python": ("cel_expr_python", "cel", 100),
    "rule-engine": ("rule_engine", "rule_engine_rules", 100),
    "json-logic": ("json_logic", "json_logic_rules", 100),
    "business-rules": ("business_rules", "venmo_rules", 100),
    "one function a rule": (None, "closures", None),
}
"""Name: the package that it needs, its writer among `peers`, and how many times as fast Carpe should be."""

MOST = {1000: 20.0, 5000: 60.0, 10_000: 120.0}
"""Microseconds to the winning match."""


DENSE, SPARSE = 2, 4
"""The least clauses of a rule: rules of two to four match one row in forty each, of four to six one in a thousand."""


def is_here(package: str | None) -> bool:
    """Whether a package that a peer needs is installed."""
    return package is None or importlib.util.find_spec(package) is not None


def installed() -> dict[str, tuple[str, float | None]]:
    """The peers that are here: writer and goal by name."""
    return {name: (writer, goal) for name, (package, writer, goal) in PEERS.items() if is_here(package)}


def writer(name: str) -> Any:
    return importlib.import_module(f"tests.bench.peers.{name}")


def lines(scale: float) -> Iterator[Line]:
    for size, least in ((20, DENSE), (1000, DENSE), (1000, SPARSE)):
        yield from _beside_peers(f"event.{size}.{least}", rules(scaled(size, scale, 20), least), scaled(40, scale, 5))
    for size, most in MOST.items():
        yield _large(size, scaled(size, scale, 20), most, scaled(500, scale, 20))


def _beside_peers(key: str, some: Sequence[Rule], events: int) -> Iterator[Line]:
    """Carpe and every peer on the same rules and rows, results compared."""
    plan, table = compile_plan(some), batch(events)
    states, flats = rows(plan, table), flat(table).to_pylist()
    conditions = [plain(rule.condition, TODAY) for rule in some]
    expected = [plan.match_row(row, TODAY) for row in states]
    _warm(plan, states)
    calls: dict[str, Callable[[], object]] = {"carpe": lambda: [plan.match_row(row, TODAY) for row in states * 25]}
    for name, (module, _) in installed().items():
        match: Event = writer(module).match_event(conditions)
        if [match(row) for row in flats] != expected:
            raise AssertionError(f"{name} and Carpe disagree: {key}")
        calls[name] = _all(match, flats)
    taken = medians(calls)
    carpe = taken["carpe"] / events / 25
    for name, (_, goal) in installed().items():
        yield Line(
            f"{key}.{name}",
            f"one event, {thousands(len(some))} rules, {sum(map(len, expected)) / events:.3g} matches",
            carpe * 1e6,
            "us",
            taken[name] / events / carpe,
            f"as fast as {name} ({taken[name] / events * 1e6:,.0f} us)",
            ratio_least=goal,
        )


def _warm(plan: Plan, states: Sequence[Row]) -> None:
    """As many events as it takes until rules that are met often are written out."""
    for _ in range(OFTEN // len(states) + 1):
        for row in states:
            plan.match_row(row, TODAY)


def _all(match: Event, flats: Sequence[dict[str, Any]]) -> Callable[[], object]:
    return lambda: [match(row) for row in flats]


def _large(named: int, count: int, most: float, events: int) -> Line:
    some = rules(count)
    plan = compile_plan(some)
    table = batch(events)
    states, flats = rows(plan, table), flat(table).to_pylist()[:20]
    match = writer("closures").match_event([plain(rule.condition, TODAY) for rule in some])
    assert [match(row) for row in flats] == [plan.match_row(row, TODAY) for row in states[:20]]
    taken = medians({"carpe": lambda: [plan.match_row(row, TODAY) for row in states], "peer": _all(match, flats)})
    carpe, peer = taken["carpe"] / events, taken["peer"] / len(flats)
    return Line(
        f"event.{named}",
        f"one event, {thousands(count)} rules, every match",
        carpe * 1e6,
        "us",
        peer / carpe,
        f"as fast as one function a rule ({peer * 1e6:,.0f} us)",
        most=most,
    )
