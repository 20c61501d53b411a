"""A day's due rows decided, from matching to the rows to insert: `python -m tests.bench deciding`

360,000 renewals meet a thousand rules with hold-outs, splits, prices, budgets, volumes and `at most once`, under caps,
quiet hours, cool-downs and a portfolio's hold-out; all their customers have a past (`due_world`). What is measured is
pure: what was said before is in memory, and nothing is written. Shares are of steps alone, without the steps in them.
The floor is one sort of the candidates by occasion and score, without which no winner is known.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from engine.decisions import armed, asked, occasions, policy, results, tables, written
from engine.decisions.batch_prices import BatchPrices
from engine.decisions.ledger import Written
from engine.decisions.occasions import Batch, Part
from engine.decisions.precedents import Precedents
from engine.decisions.results import Outcome
from engine.decisions.rule_table import RuleTable
from engine.plans import plans_of
from engine.store.experiments import Assignments
from tests.bench import due_world
from tests.bench.measuring import REPEATS, Line, scaled, thousands, timed_steps

STEPS = (
    ("match", occasions, "merge"),
    ("find arms", asked, "asked_of"),
    ("find arms", armed, "assign"),
    ("name", occasions, "decision_ids"),
    ("read facts", tables, "facts_of"),
    ("price", BatchPrices, "priced"),
    ("ask the contact policy", policy, "check"),
    ("rank and arbitrate", results, "decide"),
    ("write receipts", written, "receipt_texts"),
    ("make offers", written, "offers_of"),
    ("list exposures and draws", written, "_effects"),
    ("put rows together", written, "written"),
)


def lines(scale: float) -> Iterator[Line]:
    count, size = scaled(360_000, scale, 1_000), scaled(1000, scale, 200)
    plans, rng = plans_of(due_world.ruleset(size)), np.random.default_rng(1)
    part, rules = due_world.part(plans, due_world.table(count, rng)), plans.rule_table
    batch = occasions.merge([part], rules)
    before, stored = due_world.said_before(batch, rng), _stored(batch)
    took: dict[str, list[float]] = defaultdict(list)
    for number in range(1 + REPEATS):  # the first is not counted
        with timed_steps(STEPS) as steps:
            began = time.perf_counter()
            outcome, rows = decided(part, rules, before, stored)
            whole = time.perf_counter() - began
        for step, seconds in {**steps, "whole": whole, "floor": _floor(outcome)}.items():
            if number:
                took[step].append(seconds)
    yield from _told({step: statistics.median(some) for step, some in took.items()}, count, size, rows)


def decided(part: Part, rules: RuleTable, before: Precedents, stored: Assignments) -> tuple[Outcome, Written]:
    """The rows of a part matched and decided, and what is to be inserted."""
    batch = occasions.merge([part], rules)
    known = asked.asked_of(batch.table, batch.rules, batch.row, batch.rule)
    before = replace(before, armed=armed.assign(known, stored))
    outcome = results.outcome(batch, (), {}, (), before)
    return outcome, written.written(outcome, due_world.NOW, ruleset="digest", pass_id=1)


def _stored(batch: Batch) -> Assignments:
    """Every other arm, as if it had been stored on an earlier day."""
    known = asked.asked_of(batch.table, batch.rules, batch.row, batch.rule)
    return dict(list(armed.assign(known, {}).new.items())[::2])


def _floor(outcome: Outcome) -> float:
    """Seconds to sort the candidates by occasion and score."""
    found, occasion = outcome.decided.candidates, outcome.decided.occasion
    mixed = np.random.default_rng(1).permutation(len(occasion))
    score, occasion = -found.score[mixed], occasion[mixed]
    began = time.perf_counter()
    np.lexsort((score, occasion))
    return time.perf_counter() - began


def _told(middle: dict[str, float], count: int, size: int, rows: Written) -> Iterator[Line]:
    whole, floor = middle.pop("whole"), middle.pop("floor")
    size_of = pc.mean(pc.binary_length(rows.receipts["body"])).as_py()
    offers = rows.effects.offers.num_rows if rows.effects.offers is not None else 0
    made = (
        f"{thousands(rows.decisions.num_rows)} decisions, {thousands(offers)} offers, receipts of {size_of:.0f} bytes"
    )
    what = f"{thousands(count)} due rows and {thousands(size)} rules: {made}"
    yield Line("deciding", what, whole, "s", whole / floor, f"one sort of the candidates ({floor:.3f} s)", most=5.0)
    for step in dict.fromkeys(name for name, *_ in STEPS):
        most = 0.3 if step == "write receipts" else None
        yield Line(
            f"deciding.{step}",
            f"of it to {step}",
            middle[step],
            "s",
            middle[step] / whole,
            "the whole",
            ratio_most=most,
        )
