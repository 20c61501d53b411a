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

from dsl.catalog import Catalog, sold_in
from dsl.choices import Purpose
from dsl.currencies import exponent
from dsl.datatypes import Money
from dsl.typed import Rule
from engine.contacts.policy import ContactPolicy, contact_policy
from engine.decisions import reasons
from engine.decisions.deeds import Deeds, deeds_of
from engine.decisions.packaging import Packaging, packaging
from engine.decisions.slots import Slots, slots_of
from engine.errors import CarpeError
from engine.offers.contents import parts_of, plan_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_SUBSCRIPTION, OTHER_PLAN, FIRST_PLAN = 0, 1, 2
"""How a row stands (`Facts.standing`): without a subscription, on no plan of the catalog, on its first plan."""

MOST_CHANNELS = 32
"""So that a set of channels and a rule fit into one number."""


@dataclass(frozen=True, eq=False)
class RuleTable:
    """The rules of a ruleset (any order) with what deciding reads of them; arrays have a place a rule.

    `priority` and `order` (by name) are places: the least goes first, and rules alike have the same. `worth` is in
    major units of its currency. `via` has a bit a channel of the catalog. `fit` is the obstacle (a number of
    `reasons.CODES`) of a standing and a product, 0 for none; what hangs on add-ons is not in it.
    """

    rules: tuple[Rule, ...]
    catalog: Catalog
    deeds: Deeds
    priority: Ints
    order: Ints
    worth: npt.NDArray[np.float64]
    via: Ints  # bits
    needs_consent: Bools
    fit: npt.NDArray[np.int8]  # [standings, products + 1]

    @cached_property
    def product_names(self) -> tuple[str, ...]:
        return tuple(self.catalog.products)

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
    def currencies(self) -> tuple[str, ...]:
        """Those that anything is sold or limited in, sorted: what candidates cost is numbered by them."""
        return tuple(sorted(sold_in(self.catalog, self.catalog.products)))

    @cached_property
    def slots(self) -> Slots:
        """How many contacts an occasion may have."""
        return slots_of(self.channel_bit, self.catalog.policies.slots)

    @cached_property
    def packaging(self) -> Packaging:
        """What products do to each other."""
        return packaging(self.catalog)

    @cached_property
    def contact_policy(self) -> ContactPolicy:
        """What the catalog and the rules say about meeting people."""
        return contact_policy(self.catalog, self.rules)

    @cached_property
    def asks_more(self) -> bool:
        """Whether meeting people hangs on more than consent to marketing."""
        said, once = self.catalog.policies, self.contact_policy.once
        cool_downs = (said.after_decline, said.after_offer, said.between_offers)
        return any((said.caps, said.quiet, said.service_consent, said.suppression, *cool_downs, *once))

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
    products = {name: number for number, name in enumerate(catalog.products)}
    bits = {name: 1 << number for number, name in enumerate(catalog.channels)}
    return RuleTable(
        tuple(rules),
        catalog,
        deeds_of(rules, products),
        _places([-rule.priority for rule in rules]),
        _places([rule.name for rule in rules]),
        np.array([_major(rule.worth) for rule in rules], np.float64),
        np.array([sum(bits[channel] for channel in set(rule.via)) for rule in rules], np.int64),
        np.array([rule.purpose is not Purpose.SERVICE for rule in rules], np.bool_),
        _fit(catalog),
    )


def _places(keys: Sequence[str] | Sequence[int]) -> Ints:
    """The place of each key among the distinct ones in their order."""
    places: Ints = np.unique(np.array(keys), return_inverse=True)[1]
    return places.reshape(-1)


def _major(money: Money | None) -> float:
    return 0.0 if money is None else money.minor / 10 ** exponent(money.currency)


def _fit(catalog: Catalog) -> npt.NDArray[np.int8]:
    """What stands against each product for everybody who stands alike."""
    standings = (None, "", *catalog.plans)  # "" is a plan that the catalog does not know
    found = [[_obstacle(catalog, held, name) for name in catalog.products] for held in standings]
    fit = np.zeros((len(standings), len(catalog.products) + 1), np.int8)
    fit[:, :-1] = [[0 if reason is None else reasons.NUMBER[reason] for reason in some] for some in found]
    return fit


def _obstacle(catalog: Catalog, held: str | None, name: str) -> str | None:
    """Why a product is not for who has a plan (None: no subscription): of a bundle, why any of its parts is not."""
    plan = plan_of(catalog, name)
    if plan is None and held is None:
        return reasons.NO_SUBSCRIPTION
    if name == held:
        return reasons.ALREADY_HAS
    if plan not in (None, held) and held is not None and not catalog.may_change(held, str(plan)):
        return reasons.NO_PATH
    then = held if plan is None else plan
    needs = (catalog.product(part).needs for part in parts_of(catalog, name) if part in catalog.addons)
    return reasons.NEEDS_PLAN if any(some and then not in some for some in needs) else None
