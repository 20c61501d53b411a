"""What rules cost before the first event: `python -m tests.bench indexes`

A process that starts reads a folder of rules (its files in the system's cache), compiles them and meets one event a
moment; beside it a process that only imports the same modules. Memory is what the index of one moment holds on one day.
"""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from engine.matching.plan import compile_plan
from tests.bench.bench_events import writer
from tests.bench.bench_language import folder
from tests.bench.made_up import TODAY, batch, rows, rules
from tests.bench.measuring import Line, medians, scaled, thousands
from tests.bench.plain import plain

IMPORTS = """
import datetime, sys
from pathlib import Path
from engine import rulebook
from engine.matching.keys import key_of
from engine.matching.plan import compile_plan
"""
START = (
    IMPORTS
    + """
folder, day = Path(sys.argv[1]), datetime.date(2026, 3, 15)
rules = rulebook.usable(rulebook.load(folder), folder).rules
for use in dict.fromkeys(use for rule in rules for use in rule.moments):
    plan = compile_plan([rule for rule in rules if use in rule.moments])
    plan.match_row({key_of(term): None for term in plan.terms}, day)
"""
)
ROOT = Path(__file__).resolve().parents[2]


def lines(scale: float) -> Iterator[Line]:
    yield _start_up(scaled(1000, scale, 20), repeats=5 if scale >= 1 else 1)
    yield _memory(scaled(10_000, scale, 20))


def _start_up(count: int, repeats: int) -> Line:
    with tempfile.TemporaryDirectory() as made:
        for path, text in folder(count, random.Random(1)).items():
            (Path(made) / path).write_text(text, "utf-8")
        taken = medians({"carpe": _process(START, made), "imports": _process(IMPORTS, made)}, repeats, uncounted=0)
    own = taken["carpe"] - taken["imports"]
    beside = f"what a process pays that only imports ({taken['imports']:.2f} s)"
    what = f"start-up with {thousands(count)} rules, without the imports"
    return Line("index.start", what, own, "s", taken["carpe"] / taken["imports"], beside, most=1.0)


def _process(program: str, folder: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", program, folder], cwd=ROOT, check=True)


def _memory(count: int) -> Line:
    some = rules(count)
    conditions = [plain(rule.condition, TODAY) for rule in some]
    plan, index = _held(lambda: compile_plan(some))
    row = rows(plan, batch(1))[0]
    index += _held(lambda: plan.match_row(row, TODAY))[1]
    peer = _held(lambda: writer("closures").match_event(conditions))[1]
    beside = f"what one function a rule takes ({peer:.0f} MB)"
    what = f"memory of the index, {thousands(count)} rules"
    return Line("index.memory", what, index, "MB", index / peer, beside, most=100.0)


Made = TypeVar("Made")


def _held(make: Callable[[], Made]) -> tuple[Made, float]:
    """What was made, and the megabytes that are held because of it."""
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return made, held
