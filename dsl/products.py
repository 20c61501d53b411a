"""What is sold and for how much: plans, add-ons and bundles, their charges, price lists and paths, as values.

A *charge* says what one billing interval costs in one currency, by a price model and, where the model counts
something, the quantity it counts. Amounts are minor units; a rate for one unit may be a fraction of one (0.002 USD a
call is Decimal("0.2")), because a bill is rounded once, as a whole.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from dsl.datatypes import Money
from dsl.source import Span

INTERVALS = ("month", "year")
"""The billing intervals that a price may be for."""


class Model(StrEnum):
    """How a charge follows from a quantity; the names are those of billing systems."""

    FLAT = "flat"
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    STAIR_STEP = "stair_step"
    PACKAGE = "package"
    PERCENTAGE = "percentage"


TIERED = (Model.GRADUATED, Model.VOLUME, Model.STAIR_STEP)


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to and with `up_to` units (None: all the rest) `rate` minor units each, and `flat` for reaching the tier."""

    up_to: Decimal | None
    rate: Decimal = Decimal(0)
    flat: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """What one billing interval costs, in minor units of `currency`.

    `amount` is the whole price (flat), that of a unit (per unit) or of a package of `size` units (package); `percent`
    is a share of the money in the quantity. `per` is the quantity: a count attribute or a meter, for a percentage a
    money attribute. The first `free_units` are not counted, `flat_fee` is added, and the sum is kept between `minimum`
    and `maximum`.
    """

    model: Model
    currency: str
    amount: Decimal = Decimal(0)
    tiers: tuple[Tier, ...] = ()
    percent: Decimal = Decimal(0)
    size: Decimal = Decimal(1)
    per: str | None = None
    free_units: Decimal = Decimal(0)
    flat_fee: int = 0
    minimum: int | None = None
    maximum: int | None = None
    span: Span = field(default=Span(0, 0), compare=False, repr=False)

    @property
    def flat(self) -> Money | None:
        """The price of a flat charge; None where it depends on a quantity."""
        return Money(int(self.amount), self.currency) if self.model is Model.FLAT else None


Charges = Mapping[str, tuple[Charge, ...]]
"""By billing interval, in each at most one charge of a currency."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Other prices for so many months; phases follow one another from the first invoice on."""

    months: int
    charges: Charges


@dataclass(frozen=True, slots=True)
class Product:
    """A plan, an add-on or a bundle.

    `quota` and `adds` are by meter, in its unit. `needs`: one of these plans; `needs_addons`: all of these add-ons.
    `includes` come with it (a bundle is nothing but what it includes), and none of `excludes` is held beside it. What
    it costs us is `costs`, by interval as a price is, or `cost_share` percent of its price. It is sold from `starts`
    until `ends`, both included.
    """

    name: str
    title: str
    charges: Charges = field(default_factory=dict)
    rank: int = 0
    quota: Mapping[str, Decimal] = field(default_factory=dict)
    adds: Mapping[str, Decimal] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    needs_addons: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    trial_days: int = 0
    costs: Charges = field(default_factory=dict)
    cost_share: Decimal | None = None
    starts: dt.date | None = None
    ends: dt.date | None = None

    @property
    def prices(self) -> dict[str, Money]:
        """By interval the flat price in the currency that is named first; for people, not for bills."""
        firsts = {interval: charges[0].flat for interval, charges in self.charges.items() if charges}
        return {interval: price for interval, price in firsts.items() if price is not None}

    @property
    def currencies(self) -> tuple[str, ...]:
        """Those that it is priced in, sorted."""
        return tuple(sorted({charge.currency for charges in self.charges.values() for charge in charges}))

    def flat_cost(self, interval: str, price: Money) -> Money | None:
        """What it costs us where it is sold at this flat price; None where that is not known or not flat.

        A share of the price is rounded to the next whole minor unit.
        """
        if self.cost_share is not None:
            return Money(math.ceil(price.minor * self.cost_share / 100), price.currency)
        costs = (one.flat for one in self.costs.get(interval, ()) if one.currency == price.currency)
        return next(costs, None)

    def sold_on(self, day: dt.date) -> bool:
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True)
class PriceList:
    """Other prices, in `currency`, for customers with these values of attributes (all of them) and in this segment.

    `values` are by the customer's enum attributes. Products that are not in `charges` have their own prices.
    """

    name: str
    currency: str
    values: Mapping[str, tuple[str, ...]]
    segment: str | None
    charges: Mapping[str, Charges]
    segment_span: Span = field(default=Span(0, 0), compare=False, repr=False)


class BelowCost(StrEnum):
    """What becomes of a price under the cost."""

    ALLOW = "allow"
    WARN = "warn"
    FORBID = "forbid"


class Proration(StrEnum):
    """What a change in the middle of a billing period costs until the next bill.

    BY_DAY: the rest of the period at the new price, less the rest of it at the old. BY_SECOND: the same, counted in
    seconds. NONE: nothing. AT_RENEWAL: the change waits for the next bill.
    """

    BY_DAY = "by_day"
    BY_SECOND = "by_second"
    NONE = "none"
    AT_RENEWAL = "at_renewal"


@dataclass(frozen=True, slots=True)
class OfferPolicies:
    """What holds for every offer. The value of an offer is its margin over `horizon` months."""

    below_cost: BelowCost = BelowCost.WARN
    horizon: int = 12
    proration: Proration = Proration.BY_DAY
