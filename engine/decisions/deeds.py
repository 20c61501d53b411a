"""Deeds: what a rule does, or one arm of its experiment, as deciding reads it.

A rule without a `split` has one deed, which has the rule's own number. A rule with one has a deed for each arm behind
those; its own number stands for the arm that gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsl.typed import Action, Offer, Rule, Say

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NOTHING = -1
"""No product, no offer, no detail: as an index it takes the last place, which is kept for it."""

HELD, OFFERED, SAID, TAGGED, HELD_OUT = "held", "offered", "said", "tagged", "held_out"
RESULTS = (HELD, OFFERED, SAID, TAGGED, HELD_OUT)
"""What a candidate may become; a deed's own result is what one of its candidates becomes if nothing holds it."""


@dataclass(frozen=True, eq=False)
class Deeds:
    """Arrays have a place a deed. `actions` are what it does, `rule` whose it is.

    `products` has a row a deed: numbers of the products offered in the author's order, then NOTHING; `asked` likewise
    the number of `offers`, an offer and one of its products. `arms` are the deeds of a rule's arms, in the order of
    `experiment.split`: the arm that gets nothing comes last, and is as a deed what the first arm is (it is asked what
    would have been done).
    """

    actions: tuple[tuple[Action, ...], ...]
    rule: Ints
    is_contact: Bools
    result: npt.NDArray[np.int8]
    options: Ints  # how many products may be offered, 1 where there is no offer
    products: Ints  # [deeds, most options]
    asked: Ints  # [deeds, most options]
    offers: tuple[tuple[Offer, str], ...]
    arms: Mapping[int, Ints]

    @cached_property
    def most_options(self) -> int:
        return int(self.products.shape[1])

    @cached_property
    def offering(self) -> Bools:
        """By rule, whether it or any of its arms offers something."""
        found = np.zeros(int(self.rule.max(initial=-1)) + 1, np.bool_)
        found[self.rule[(self.products >= 0).any(axis=1)]] = True
        return found


def deeds_of(rules: Sequence[Rule], products: Mapping[str, int]) -> Deeds:
    """The deeds of some rules; `products` are numbers by name."""
    actions: list[tuple[Action, ...]] = [rule.actions for rule in rules]
    owner = list(range(len(rules)))
    arms: dict[int, Ints] = {}
    for number, rule in enumerate(rules):
        if rule.split:
            first = len(actions)
            actions += [(*rule.actions, *arm.actions) for arm in rule.split]
            owner += [number] * len(rule.split)
            arms[number] = np.array([*range(first, len(actions)), first], np.int64)
    listed = [[(offer, name) for offer in _offers(some) for name in offer.products] for some in actions]
    pairs = list(dict.fromkeys(pair for some in listed for pair in some))
    place = {pair: number for number, pair in enumerate(pairs)}
    return Deeds(
        tuple(actions),
        np.array(owner, np.int64),
        np.array([is_contact(some) for some in actions], np.bool_),
        np.array([RESULTS.index(result_of(some)) for some in actions], np.int8),
        np.array([max(len(some), 1) for some in listed], np.int64),
        _rows([[products[name] for _, name in some] for some in listed]),
        _rows([[place[pair] for pair in some] for some in listed]),
        tuple(pairs),
        arms,
    )


def is_contact(actions: Sequence[Action]) -> bool:
    """Whether these meet a customer, rather than only tagging."""
    return any(isinstance(action, Offer | Say) for action in actions)


def result_of(actions: Sequence[Action]) -> str:
    """What becomes of a match that wins with these."""
    if _offers(actions):
        return OFFERED
    return SAID if is_contact(actions) else TAGGED


def _offers(actions: Sequence[Action]) -> list[Offer]:
    return [action for action in actions if isinstance(action, Offer)]


def _rows(listed: Sequence[Sequence[int]]) -> Ints:
    most = max((len(each) for each in listed), default=0) or 1
    return np.array([[*each, *[NOTHING] * (most - len(each))] for each in listed], np.int64).reshape(-1, most)
