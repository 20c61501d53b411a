"""Which arms of experiments the customers of a batch are in: those stored, and for newcomers those worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from engine.decisions.asked import Asked
from engine.decisions.facts import Arms
from engine.decisions.rule_table import Bools, Ints
from engine.experiments.assignment import arms
from engine.experiments.experiment import Experiment, hold_out, portfolio, split
from engine.store.experiments import Assignments, assigned

PORTFOLIO = -1
"""In place of a rule."""


@dataclass(frozen=True, slots=True)
class Armed:
    """The arms by row, and the assignments to be stored with what is decided."""

    arms: Arms
    new: Assignments


def armed(connection: sa.Connection, asked: Asked) -> Armed:
    """The arms of all experiments that concern the matched rules: of each rule for those whom it matched alone."""
    salts = [one.salt for _, one in _experiments(asked)]
    return assign(asked, assigned(connection, salts, asked.customers)) if salts else Armed(Arms(), {})


def assign(asked: Asked, stored: Assignments) -> Armed:
    """The same, where the assignments that are `stored` are known."""
    kept: dict[str, dict[str, str]] = defaultdict(dict)
    for (experiment, customer), name in stored.items():
        kept[experiment][customer] = name
    people = pa.array(asked.customers, pa.string())
    new: dict[tuple[str, str], str] = {}
    portfolio_out: Bools | None = None
    out: dict[int, Bools] = {}
    arm: dict[int, Ints] = {}
    for rule, one in _experiments(asked):
        places = np.arange(len(people)) if rule == PORTFOLIO else asked.whom(rule)
        found = arms(people.take(pa.array(places)), one, kept.get(one.salt, {}))
        names = one.arms
        for place, number in zip(places[found.new].tolist(), found.arm[found.new].tolist(), strict=True):
            new[one.salt, asked.customers[place]] = names[number]
        by_customer = np.zeros(len(people), np.int64)
        by_customer[places] = found.arm
        if rule == PORTFOLIO:
            portfolio_out = (by_customer == 0)[asked.customer]
        elif one.salt.startswith("split:"):
            arm[rule] = by_customer[asked.customer]
        else:
            out[rule] = (by_customer == 0)[asked.customer]
    return Armed(Arms(portfolio_out, out, arm), new)


def _experiments(asked: Asked) -> Iterator[tuple[int, Experiment]]:
    """The number of the rule, and what is tried on whom it matches."""
    share = asked.rules.catalog.policies.hold_out
    if share:
        yield PORTFOLIO, portfolio(share)
    for number in asked.matched:
        rule = asked.rules.rules[number]
        if rule.hold_out:
            yield number, hold_out(rule)
        if rule.split:
            yield number, split(rule)
