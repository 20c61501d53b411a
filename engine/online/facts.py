"""The facts of some occasions, straight from rows of state: no columns in between. One occasion is one event's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.decisions.eligibility import all_held
from engine.decisions.facts import Facts
from engine.decisions.rule_table import NO_SUBSCRIPTION, OTHER_PLAN, RuleTable
from engine.online.rows import Row


@dataclass(frozen=True, slots=True)
class Met:
    """One row to decide: the customer with one subscription (None: without any), and the occasion that it is of."""

    occasion: int
    subscription: str | None
    row: Row


def facts_of(met: Sequence[Met], rules: RuleTable) -> Facts:
    """The facts of rows in the order of their occasions, each occasion's by subscription."""
    occasion = [each.occasion for each in met]
    occasions = np.array(occasion, np.int64)
    standing = np.array([_standing(each, rules) for each in met], np.int64)
    return Facts(
        occasions,
        np.array(_places(occasion), np.int64),
        occasions,
        has_twins=len(set(occasion)) < len(occasion),
        standing=standing,
        holds=all_held(_holds(met, rules), standing, rules),
        open=np.array(_open(met, rules), np.int64),
    )


def _places(occasion: Sequence[int]) -> list[int]:
    """How many rows of the same occasion stand before each."""
    places, before = [], 0
    for number, each in enumerate(occasion):
        before = before + 1 if number and occasion[number - 1] == each else 0
        places.append(before)
    return places


def _standing(met: Met, rules: RuleTable) -> int:
    if met.subscription is None:
        return NO_SUBSCRIPTION
    plan: Any = met.row.get("subscription.plan")
    return rules.standing_of_plan.get(plan, OTHER_PLAN)


def _holds(met: Sequence[Met], rules: RuleTable) -> np.ndarray[Any, np.dtype[np.bool_]]:
    held = np.zeros((len(met), len(rules.product_names) + 1), np.bool_)
    for number, each in enumerate(met):
        addons: Any = each.row.get("subscription.addons")
        for addon in addons or ():
            if (product := rules.product_number.get(addon)) is not None:
                held[number, product] = True
    return held


def _open(met: Sequence[Met], rules: RuleTable) -> list[int]:
    """The bits of the channels on which each row's customer may be met for marketing."""
    flags = rules.catalog.policies.consent
    free = sum(bit for name, bit in rules.channel_bit.items() if name not in flags)
    asked = [(f"customer.{flags[name]}", bit) for name, bit in rules.channel_bit.items() if name in flags]
    return [free + sum(bit for flag, bit in asked if each.row.get(flag) is True) for each in met]
