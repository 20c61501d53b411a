"""The declarations that rules may use: the catalog as immutable values.

`catalog_reader` makes one of these from YAML; everything else only reads it. Names are lower case.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from dsl.contact_policies import Cap, QuietHours
from dsl.datatypes import DataType, Kind
from dsl.products import OfferPolicies, PriceList
from dsl.products import Product as Product
from dsl.propensity import PropensityPolicy
from dsl.windows import Window


class Owner(StrEnum):
    """Whose a value or a moment is."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    EVENT = "event"


class MomentKind(StrEnum):
    RECURRING = "recurring"
    DATED = "dated"
    EVENT = "event"
    CROSSING = "crossing"


class Recurs(StrEnum):
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    BILLING_INTERVAL = "billing_interval"


class LeapDay(StrEnum):
    """Where 29 February falls in a common year."""

    FEB28 = "feb28"
    MAR1 = "mar1"


BUILT_IN: Mapping[Owner, Mapping[str, DataType]] = {
    Owner.SUBSCRIPTION: {"id": DataType(Kind.TEXT), "currency": DataType(Kind.TEXT), "addons": DataType(Kind.SET)},
    Owner.CUSTOMER: {"id": DataType(Kind.TEXT), "timezone": DataType(Kind.TEXT), "tags": DataType(Kind.SET)},
}
"""What every subscription and customer has without a declaration."""


@dataclass(frozen=True, slots=True)
class AttributeDeclaration:
    name: str
    owner: Owner
    type: DataType
    personal: bool = False
    doc: str = ""

    @property
    def key(self) -> str:
        """How a row of state calls it: `customer.country`."""
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A kind of occasion. `attribute` is the date it hangs on (recurring and dated moments only).

    `statuses` are those of `while:`; None means every status but `cancelled`.
    `properties` are an event's or a crossing's (meter, level, used, quota).
    """

    name: str
    kind: MomentKind
    owner: Owner
    attribute: str | None = None
    recurs: Recurs | None = None
    every: int = 1
    leap_day: LeapDay = LeapDay.FEB28
    statuses: tuple[str, ...] | None = None
    properties: Mapping[str, DataType] = field(default_factory=dict)
    levels: tuple[Decimal, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    name: str
    unit: str
    kind: str  # gauge | counter
    resets: str | None = None
    quota_from: str | None = None


class AcceptedOffers(StrEnum):
    """Who carries out an accepted offer: the billing system, which is told, or Carpe, in its own subscriptions."""

    TELL_BILLING = "tell_billing"
    CHANGE_HERE = "change_here"


@dataclass(frozen=True, slots=True)
class Policies:
    """What holds for every rule. `consent` is consent to marketing. `catch_up` is how late a missed occurrence may
    still be sent, where its rule does not say otherwise; None: never.
    """

    consent: Mapping[str, str] = field(default_factory=dict)  # channel -> flag attribute of the customer
    caps: tuple[Cap, ...] = ()
    quiet: Mapping[str, QuietHours] = field(default_factory=dict)
    largest_discount: Decimal | None = None
    hold_out: Decimal = Decimal(0)
    send_at: dt.time = dt.time(9)
    catch_up: dt.timedelta | None = dt.timedelta(days=1)
    service_consent: Mapping[str, str] = field(default_factory=dict)  # where it is false, no service message either
    suppression: Mapping[str, str] = field(default_factory=dict)  # channel or "any" -> flag: nothing where it is true
    after_decline: Window | None = None  # no offer of a product that was declined so lately
    after_offer: Window | None = None  # no second offer of a product so soon
    between_offers: Window | None = None  # no second offer of anything so soon
    slots: Mapping[str, int] = field(default_factory=dict)  # channel -> contacts an occasion; other channels share one
    accepted_offers: AcceptedOffers = AcceptedOffers.TELL_BILLING
    offers: OfferPolicies = field(default_factory=OfferPolicies)
    propensity: PropensityPolicy | None = None  # None: whatever is offered counts as accepted


@dataclass(frozen=True, slots=True)
class Catalog:
    currency: str
    timezone: str
    country_timezones: Mapping[str, str] = field(default_factory=dict)
    default_via: tuple[str, ...] = ()
    customer: Mapping[str, AttributeDeclaration] = field(default_factory=dict)
    subscription: Mapping[str, AttributeDeclaration] = field(default_factory=dict)
    meters: Mapping[str, Meter] = field(default_factory=dict)
    moments: Mapping[str, Moment] = field(default_factory=dict)
    plans: Mapping[str, Product] = field(default_factory=dict)
    addons: Mapping[str, Product] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    tasks: Mapping[str, str] = field(default_factory=dict)  # task -> channel
    policies: Policies = Policies()
    bundles: Mapping[str, Product] = field(default_factory=dict)
    price_lists: Mapping[str, PriceList] = field(default_factory=dict)  # a customer's is the first that fits
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # plan -> the plans it may be changed for

    @property
    def products(self) -> Mapping[str, Product]:
        """Everything that a rule may offer."""
        return {**self.plans, **self.addons, **self.bundles}

    def product(self, name: str) -> Product:
        """The plan, add-on or bundle of this name. Raises KeyError."""
        found = self.plans.get(name) or self.addons.get(name)
        return found if found is not None else self.bundles[name]

    def may_change(self, held: str, offered: str) -> bool:
        """Whether a subscription on a plan may be offered another: by the paths, else by rank, never downwards."""
        if held in self.paths:
            return offered in self.paths[held]
        return held not in self.plans or self.plans[offered].rank >= self.plans[held].rank

    def attributes(self, owner: Owner) -> Mapping[str, AttributeDeclaration]:
        return self.customer if owner is Owner.CUSTOMER else self.subscription


def sold_in(catalog: Catalog, names: Iterable[str]) -> frozenset[str]:
    """The currencies that these products have any price in, of their own or by a price list."""
    wanted = frozenset(names)
    own = {currency for name in wanted for currency in catalog.product(name).currencies}
    return frozenset(own | {one.currency for one in catalog.price_lists.values() if wanted & one.charges.keys()})
