"""The rules as deciding reads them: arrays with a place a rule, made once a ruleset.

Whatever hangs on the rule alone is worked out here, so that deciding, of a million matches or of one event's ten, never
looks at a rule itself: it takes numbers out of these arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsl.catalog import Catalog
from dsl.syntax import Purpose
from dsl.typed import Offer, Rule, Say
from engine.decisions import reasons
from engine.errors import CarpeError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NOTHING = -1
"""No product, no detail: as an index it takes the last place, which is kept for it."""

HELD = "held"
RESULTS = (HELD, "offered", "said", "tagged")
"""What a candidate may become; a rule's own result is what one of its matches becomes if nothing holds it."""

NO_SUBSCRIPTION, OTHER_PLAN, FIRST_PLAN = 0, 1, 2
"""How a row stands (`Facts.standing`): without a subscription, on no plan of the catalog, on its first plan."""

MOST_CHANNELS = 32
"""So that a set of channels and a rule fit into one number."""


@dataclass(frozen=True, eq=False)
class RuleTable:
    """The rules of a ruleset (any order) with what deciding reads of them; arrays have a place a rule.

    `products` has a row a rule: numbers of `product_names` in the author's order, then NOTHING. `via` has a bit a
    channel of the catalog. `fit` is the obstacle (a number of `reasons.CODES`) of a standing and a product, 0 for none;
    that the row holds an add-on already is not in it.
    """

    rules: tuple[Rule, ...]
    catalog: Catalog
    order: Ints  # by priority, the highest first, then by name: alike for rules of one name
    is_contact: Bools  # it meets a customer, rather than only tagging
    result: npt.NDArray[np.int8]  # of RESULTS
    products: Ints  # [rules, most products of a rule]
    via: Ints  # bits
    needs_consent: Bools
    fit: npt.NDArray[np.int8]  # [standings, products + 1]

    @cached_property
    def product_names(self) -> tuple[str, ...]:
        return (*self.catalog.plans, *self.catalog.addons)

    @cached_property
    def product_number(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.product_names)}

    @cached_property
    def standing_of_plan(self) -> Mapping[str, int]:
        """How somebody on a plan stands; who is not here is on OTHER_PLAN, or has NO_SUBSCRIPTION."""
        return {name: FIRST_PLAN + number for number, name in enumerate(self.catalog.plans)}

    @cached_property
    def channel_bit(self) -> Mapping[str, int]:
        return {name: 1 << number for number, name in enumerate(self.catalog.channels)}

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The place of each rule, by its name."""
        return {rule.name: number for number, rule in enumerate(self.rules)}

    # --- details: what a reason is about, as a number of `texts` ---

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Products, then the rules' names, then the channels of each rule as a sentence names them."""
        names = (rule.name for rule in self.rules)
        return (*self.product_names, *names, *(" or ".join(rule.via) for rule in self.rules))

    @property
    def name_text(self) -> int:
        """The first rule's name in `texts`; a product's text has the product's number."""
        return len(self.product_names)

    @property
    def via_text(self) -> int:
        """The first rule's channels in `texts`."""
        return len(self.product_names) + len(self.rules)

    def numbers(self, rules: Sequence[Rule]) -> Ints:
        """The places of some rules of the table."""
        return np.array([self.number[rule.name] for rule in rules], np.int64)

    def channels(self, rule: int, bits: int) -> tuple[str, ...]:
        """The channels of a rule whose bits are set, in the author's order."""
        return tuple(channel for channel in self.rules[rule].via if bits & self.channel_bit[channel])


def compile_rules(rules: Sequence[Rule], catalog: Catalog) -> RuleTable:
    """The table of some rules. Raises a CarpeError where there are more channels than bits."""
    if len(catalog.channels) > MOST_CHANNELS:
        raise CarpeError(f"The catalog has {len(catalog.channels)} channels; Carpe runs at most {MOST_CHANNELS}.")
    products = {name: number for number, name in enumerate((*catalog.plans, *catalog.addons))}
    bits = {name: 1 << number for number, name in enumerate(catalog.channels)}
    return RuleTable(
        tuple(rules),
        catalog,
        _order(rules),
        np.array([is_contact(rule) for rule in rules], np.bool_),
        np.array([RESULTS.index(result_of(rule)) for rule in rules], np.int8),
        _products([[products[name] for name in offered(rule)] for rule in rules]),
        np.array([sum(bits[channel] for channel in set(rule.via)) for rule in rules], np.int64),
        np.array([rule.purpose is not Purpose.SERVICE for rule in rules], np.bool_),
        _fit(catalog),
    )


def is_contact(rule: Rule) -> bool:
    """Whether the rule meets a customer, rather than only tagging."""
    return any(isinstance(action, Offer | Say) for action in rule.actions)


def result_of(rule: Rule) -> str:
    """What becomes of a match of this rule that wins."""
    if any(isinstance(action, Offer) for action in rule.actions):
        return "offered"
    return "said" if is_contact(rule) else "tagged"


def offered(rule: Rule) -> tuple[str, ...]:
    """The products of a rule's offer, in the author's order; none where it only says or tags."""
    return next((action.products for action in rule.actions if isinstance(action, Offer)), ())


def _order(rules: Sequence[Rule]) -> Ints:
    keys = [(-rule.priority, rule.name) for rule in rules]
    place = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] for key in keys], np.int64)


def _products(listed: Sequence[Sequence[int]]) -> Ints:
    most = max((len(each) for each in listed), default=0) or 1
    return np.array([[*each, *[NOTHING] * (most - len(each))] for each in listed], np.int64).reshape(-1, most)


def _fit(catalog: Catalog) -> npt.NDArray[np.int8]:
    plans, addons = list(catalog.plans), list(catalog.addons.values())
    fit = np.zeros((FIRST_PLAN + len(plans), len(plans) + len(addons) + 1), np.int8)
    for number in range(len(plans)):
        fit[FIRST_PLAN + number, number] = reasons.NUMBER[reasons.ALREADY_HAS]
    for place, addon in enumerate(addons, len(plans)):
        fit[NO_SUBSCRIPTION, place] = reasons.NUMBER[reasons.NO_SUBSCRIPTION]
        if addon.needs:
            others = [FIRST_PLAN + number for number, plan in enumerate(plans) if plan not in addon.needs]
            fit[[OTHER_PLAN, *others], place] = reasons.NUMBER[reasons.NEEDS_PLAN]
    return fit
