"""What a process and an edit wait for: `python -m tests.bench starting`

A process that starts imports what deciding an event takes, reads a folder of rules, compiles the plan of every moment
and meets one event of each: with the checked rules in the cache on disk, and without. Beside it a process that only
imports the same. An edit changes one rule of a folder that is live, until its plans are ready; beside it, all anew.
Files are in the system's cache.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dsl import service
from dsl.typed import Ruleset
from engine.plans import Plans, plans_of
from engine.rulebook import Rulebook
from tests.bench.bench_language import folder
from tests.bench.measuring import Line, medians, scaled, thousands

IMPORTS = """
import datetime, sys
from pathlib import Path
from engine import event_path
from engine.matching.keys import key_of
from engine.plans import plans_of
from engine.rulebook import Rulebook
"""
START = (
    IMPORTS
    + """
plans, day = plans_of(Rulebook(Path(sys.argv[1])).good()), datetime.date(2026, 3, 15)
for use in [*plans.scheduled(day), *plans.happening()]:
    plan = plans.plan(use, day)
    plan.match_row({key_of(term): None for term in plan.terms}, day)
"""
)
ROOT = Path(__file__).resolve().parents[2]
DAY = dt.date(2026, 3, 15)

_NOT_RUN = re.compile(r" at 20% off for \d+ months|\n  at most once per \d+ days")
"""What plans leave out a rule for (`engine.unavailable`)."""


def lines(scale: float) -> Iterator[Line]:
    count, repeats = scaled(1000, scale, 20), 5 if scale >= 1 else 1
    with tempfile.TemporaryDirectory() as made:
        rules = Path(made) / "rules"
        rules.mkdir()
        for path, text in folder(count, random.Random(1)).items():
            (rules / path).write_text(_NOT_RUN.sub("", text), "utf-8")
        yield from _starts(count, rules, Path(made) / "cache", repeats)
        yield _edit(count, rules, repeats)


def _starts(count: int, rules: Path, cache: Path, repeats: int) -> Iterator[Line]:
    calls = {
        "warm": _process(START, rules, str(cache)),
        "cold": _process(START, rules, ""),
        "imports": _process(IMPORTS, rules, ""),
    }
    with _cache(str(cache)):
        Rulebook(rules).good()
    taken = medians(calls, repeats, uncounted=0)
    what = f"a process ready to decide, {thousands(count)} rules"
    beside = f"a process that only imports ({taken['imports']:.2f} s)"
    ratio = taken["warm"] / taken["imports"]
    yield Line("starting.warm", f"{what}, from a warm cache", taken["warm"], "s", ratio, beside, most=1.0)
    ratio, beside = taken["cold"] / taken["warm"], "what it takes from a warm cache"
    yield Line(
        "starting.cold", f"{what}, without a cache", taken["cold"], "s", ratio, "what it takes from a warm cache"
    )


def _process(program: str, rules: Path, cache: str) -> Callable[[], object]:
    environment = {**os.environ, "CARPE_CACHE": cache}
    return lambda: subprocess.run([sys.executable, "-c", program, rules], cwd=ROOT, env=environment, check=True)


def _edit(count: int, rules: Path, repeats: int) -> Line:
    """Of both the checking, the plans of all moments and their first look at a row are counted."""
    path = rules / "rules_00000.rules"
    texts = [path.read_text("utf-8").replace('"Number 0"', f'"Number {turn}0"') for turn in range(2 * repeats + 2)]
    with _cache(""):
        book = Rulebook(rules)

        def edited() -> None:
            path.write_text(texts.pop(), "utf-8")
            _met(plans_of(book.good()))

        def anew() -> None:
            service.forget()
            path.write_text(texts.pop(), "utf-8")
            _met(Plans(_good(rules)))

        taken = medians({"edited": edited, "anew": anew}, repeats)
    what = f"one rule of {thousands(count)} edited, until its plans are ready"
    took = taken["edited"] * 1000
    return Line("starting.edit", what, took, "ms", taken["edited"] / taken["anew"], "all of them read anew")


def _good(rules: Path) -> Ruleset:
    return Rulebook(rules).good()


def _met(plans: Plans) -> None:
    uses = [*plans.scheduled(DAY), *plans.happening()]
    assert uses, "no rule of the bench runs"
    for use in uses:
        plans.plan(use, DAY)


@contextmanager
def _cache(folder: str) -> Iterator[None]:
    before = os.environ.get("CARPE_CACHE")
    os.environ["CARPE_CACHE"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["CARPE_CACHE"]
        else:
            os.environ["CARPE_CACHE"] = before
